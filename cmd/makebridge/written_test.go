package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// fullDisk takes nothing any more.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestOutputThatCannotBeWrittenIsAFailure of every command, told once.
func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.env = append(w.env, "BRIDGE_BUCKET=makebridge")
	command := func(out io.Writer, args ...string) (int, string) {
		var errs buffer
		status := run(t.Context(), args, &console{environ: w.env, in: strings.NewReader(""), out: out, err: &errs})
		return status, errs.String()
	}
	for _, args := range []string{"setup", "publish payment.success --example --id event-1"} {
		if status, errs := command(io.Discard, strings.Fields(args)...); status != exitDone {
			t.Fatal(errs)
		}
	}
	letter := nats.NewMsg("dlq.payments.payments.success")
	letter.Header.Set("Makebridge-Route", "payments")
	letter.Header.Set("Makebridge-Sequence", "1")
	if _, err := w.js.PublishMsg(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"", "--help", "help run", "run --help", "version", "completion bash", "events", "events -o json", "events show payment.success",
		"check", "status", "status -o json", "status --watch", "setup", "setup --dry-run", "trace event-1", "dlq ls", "dlq show 1",
		"dlq replay --all --dry-run", "dlq discard --all --dry-run", "replay --route payments --since 1h --dry-run", "ping",
		"publish ticket.created --example",
	} {
		if status, errs := command(fullDisk{}, strings.Fields(args)...); status != exitFailed || strings.Count(errs, "no space left on device") != 1 {
			t.Errorf("makebridge %s: exit status %d, %q", args, status, errs)
		}
	}
	if status, errs := command(fullDisk{}, "events", "nothing-like-it"); status != exitUsage || strings.Contains(errs, "no space") {
		t.Errorf("exit status %d, %q", status, errs)
	}
}

// TestNobodyReadsOn ends a command without a word, as the shell is used to.
func TestNobodyReadsOn(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cmd, errs := exec.Command(exe, "events"), &buffer{}
	cmd.Env = append(os.Environ(), beProgram+"=1")
	cmd.Stdout, cmd.Stderr = out, errs
	var failed *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if s, ok := failed.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGPIPE || errs.String() != "" {
		t.Errorf("%v, %q", failed, errs.String())
	}
}
