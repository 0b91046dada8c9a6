package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// devOnce runs `dev --once` with these variables alone.
func devOnce(t *testing.T, environ ...string) (status int, out, errs string) {
	t.Helper()
	var o, e buffer
	status = run(t.Context(), []string{"dev", "--once", "--nats-port", "0"}, &console{environ: environ, in: strings.NewReader(""), out: &o, err: &e})
	return status, o.String(), e.String()
}

// TestDevSaysOnlyWhyItsBridgeDoesNotRun: it did wait a minute for the events,
// and named every one of them before the cause.
func TestDevSaysOnlyWhyItsBridgeDoesNotRun(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	status, out, errs := devOnce(t, "BRIDGE_HTTP_ADDR="+taken.Addr().String())
	if status != exitFailed || !strings.HasPrefix(errs, "makebridge: listen on BRIDGE_HTTP_ADDR: ") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit status %d: %s", status, errs)
	}
	if strings.Contains(out, "missing") || strings.Contains(out, "0 delivered") {
		t.Errorf("the events were waited for:\n%s", out)
	}
}

// TestDevRunsWithProductionsSettings: its server is one node, and there is
// nothing on it until the bridge provisions it.
func TestDevRunsWithProductionsSettings(t *testing.T) {
	for _, setting := range []string{"BRIDGE_STREAM_REPLICAS=3", "BRIDGE_PROVISION=false"} {
		if status, _, errs := devOnce(t, setting); status != exitDone || errs != "" {
			t.Errorf("%s: exit status %d: %s", setting, status, errs)
		}
	}
}

// TestDevReadsADotenvButNotWhereItLeads: a .env of production has settings for
// dev, and servers and webhooks that no event of dev may reach.
func TestDevReadsADotenvButNotWhereItLeads(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	dir := t.TempDir()
	url := filepath.Join(dir, "url")
	nowhere := filepath.Join(dir, "nowhere")
	dotenv := strings.Join([]string{
		"BRIDGE_LOG_LEVEL=info", "BRIDGE_LOG_FORMAT=json",
		"NATS_URL=" + w.nats.URL(), "NATS_CONTEXT=" + nowhere, "NATS_CREDS=" + nowhere, "NATS_CA=" + nowhere,
		"MAKE_WEBHOOK_PAYMENTS_URL=" + w.makecom.URL("payments"),
		"MAKE_WEBHOOK_SUPPORT_TICKETS_URL_FILE=" + url,
		"MAKE_WEBHOOK_MESSAGES_URL_FILE=" + url, "MAKE_WEBHOOK_MESSAGES_API_KEY=canary",
		"MAKE_WEBHOOK_AUDIT_URL=" + w.makecom.URL("audit"), "MAKE_WEBHOOK_AUDIT_SUBJECTS=payments.>",
	}, "\n")
	for path, content := range map[string]string{url: w.makecom.URL("file"), filepath.Join(dir, ".env"): dotenv} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	status, out, errs := devOnce(t)
	if status != exitDone || !strings.HasSuffix(out, "\n14 delivered, 1 filtered, 0 put off, 0 dead-lettered\n") {
		t.Errorf("exit status %d: %s\n%s", status, errs, out)
	}
	if !strings.Contains(errs, `"msg":"makebridge starts"`) {
		t.Errorf("the log is not that of .env: %q", errs)
	}
	if n := len(w.makecom.Arrivals()); n != 0 {
		t.Errorf("%d events reached the webhooks of .env", n)
	}
	for name := range w.js.StreamNames(t.Context()).Name() {
		t.Errorf("the server of .env has a stream %s", name)
	}
}

// TestDevsNextEventGoesToItsServer: publish reads the same .env, and NATS_URL in it.
func TestDevsNextEventGoesToItsServer(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	var out buffer
	newScreen(&out, false).welcome(w.nats, w.makecom, devFlags{natsPort: defaultNATSPort}, "./makebridge")
	if want := "  NATS_URL=" + w.nats.URL() + " \\\n    ./makebridge publish "; !strings.Contains(out.String(), want) {
		t.Errorf("it does not say %q:\n%s", want, out.String())
	}
}

// TestDevLeavesNothingBehind: whether it is interrupted, its terminal is closed, or
// nobody reads on.
func TestDevLeavesNothingBehind(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Where the tests run by nohup, their children would ignore the signal, too.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
	for name, end := range map[string]func(*exec.Cmd, io.Closer) error{
		"interrupted":     func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(os.Interrupt) },
		"terminal closed": func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(syscall.SIGHUP) },
		"nobody reads on": func(_ *exec.Cmd, out io.Closer) error { return out.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, exe, "dev", "--nats-port", "0")
			cmd.Env = append(os.Environ(), beProgram+"=1", "TMPDIR="+dir)
			var log buffer
			cmd.Stderr = &log
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			if _, err := out.Read(make([]byte, 1)); err != nil { // it is there
				t.Fatal(err)
			}
			if left, err := os.ReadDir(dir); len(left) == 0 {
				t.Fatalf("no temporary directory where it is looked for: %v", err)
			}
			if name != "nobody reads on" {
				go func() { _, _ = io.Copy(io.Discard, out) }()
			}
			if err := end(cmd, out); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
				t.Errorf("%d entries are left in its directory: %v", len(left), err)
			}
			if log.String() != "" {
				t.Errorf("it said %s", log.String())
			}
		})
	}
}
