package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// begin starts a command as a process of its own.
func (w *world) begin(log *buffer, args ...string) *exec.Cmd {
	w.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), beProgram+"=1", "NATS_URL="+w.nats.URL())
	cmd.Dir = w.t.TempDir()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// count returns how many messages a stream has on some subjects.
func (w *world) count(stream, subjects string) (n int) {
	w.t.Helper()
	s, err := w.js.Stream(w.t.Context(), stream)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter(subjects))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, of := range info.State.Subjects {
		n += int(of)
	}
	return n
}

// TestInterruptedReplayOfLettersDeliversEachOnce has the bridge write letters,
// and replays them in a process that is killed, in one that is interrupted, and
// in one that ends.
func TestInterruptedReplayOfLettersDeliversEachOnce(t *testing.T) {
	// A server that syncs every write is slow enough to be interrupted.
	w := newWorld(t, embedded.Config{SyncAlways: true}, standin.Config{})
	w.makecom.Default("payments", standin.Status(422))
	w.start("BRIDGE_RATE_LIMIT=off")
	const letters = 400
	for i := range letters {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.settled("payments")
	if n := w.count("EVENTS_DLQ", "dlq.>"); n != letters {
		t.Fatalf("%d letters, want %d", n, letters)
	}
	w.makecom.Default("payments", standin.Accept())
	stale := 0 // what the server may still delete for one that was killed
	for _, signal := range []os.Signal{os.Kill, os.Interrupt} {
		before := w.count("EVENTS_DLQ", "dlq.>")
		var log buffer
		cmd := w.begin(&log, "dlq", "replay", "--all")
		w.eventually("some letters to go", func() bool { return w.count("EVENTS_DLQ", "dlq.>") < before-stale })
		stale = 64
		_ = cmd.Process.Signal(signal)
		err := cmd.Wait()
		left := w.count("EVENTS_DLQ", "dlq.>")
		t.Logf("%s: %d of %d letters are left, %v", signal, left, before, err)
		if says := strings.Contains(log.String(), "interrupted after"); signal == os.Interrupt && says != (left > 0) {
			t.Errorf("%d letters left, and it said %q", left, log.String())
		}
		if left == 0 {
			break
		}
	}
	if status, out, log := w.command("dlq", "replay", "--route", "payments"); status != exitDone {
		t.Fatalf("exit status %d: %s%s", status, out, log)
	}
	w.settled("payments")
	if n := w.count("EVENTS_DLQ", "dlq.>"); n != 0 {
		t.Errorf("%d letters are left", n)
	}
	accepted := map[string]int{}
	for _, a := range w.makecom.Arrivals() {
		if a.Status == 200 {
			accepted[a.EventID]++
			if a.Header.Get("X-Event-Subject") != "payments.success" || a.Delivery != 1 {
				t.Fatalf("%s: subject %s, delivery %d", a.EventID, a.Header.Get("X-Event-Subject"), a.Delivery)
			}
		}
	}
	for id, n := range accepted {
		if n != 1 {
			t.Errorf("%s was accepted %d times", id, n)
		}
	}
	if len(accepted) != letters {
		t.Errorf("%d events were accepted, want %d", len(accepted), letters)
	}
}

func TestInterruptedReplayOfEventsSaysHowToGoOn(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.start("BRIDGE_RATE_LIMIT=off").settled("payments")
	const events = 30
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	var log buffer
	cmd := w.begin(&log, "replay", "--route", "payments", "--since", "1h", "--type", "payment.success", "--rate", "1/1m")
	w.eventually("the first copy", func() bool { return w.count("EVENTS", "redeliver.>") > 0 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
	told := regexp.MustCompile(`interrupted after 1 of 30; go on with: makebridge (replay --route payments --type payment.success) --rate 1/1m (--run \S+)\n`).
		FindStringSubmatch(log.String())
	if told == nil {
		t.Fatalf("it said %q", log.String())
	}
	w.publish("payments.success", paymentEvent("late"))
	if status, out, _ := w.command(strings.Fields(told[1] + " " + told[2])...); status != exitDone || !strings.HasPrefix(out, "29 events (payments 29) replayed\n") {
		t.Errorf("exit status %d: %s", status, out)
	}
	if n := w.count("EVENTS", "redeliver.payments.payments.success"); n != events {
		t.Errorf("%d copies, want %d", n, events)
	}
	w.settled("payments")
	if n := w.makecom.Counts().Accepted; n != 2*events+1 {
		t.Errorf("%d requests were accepted, want %d", n, 2*events+1)
	}
}

func TestDLQNamesThePermissionThatIsMissing(t *testing.T) {
	server := testbed.StartServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `accounts { APP { jetstream: enabled, users = [
		{user: all, password: canary}
		{user: nobody, password: canary, permissions: {publish: ["nothing"]}}
		{user: reader, password: canary, permissions: {publish: {deny: ["$JS.API.STREAM.MSG.DELETE.>", "$JS.API.CONSUMER.DELETE.>"]}}}
		{user: careful, password: canary, permissions: {publish: {deny: ["redeliver.>"]}}}
	] } }`)})
	try := func(user string, args ...string) (status int, log string) {
		var out, errs buffer
		status = run(context.Background(), args, &console{environ: []string{
			"NATS_URL=" + server.URL(), "NATS_USER=" + user, "NATS_PASSWORD=canary",
			"MAKE_WEBHOOK_PAYMENTS_URL=http://127.0.0.1:1/payments",
		}, in: strings.NewReader(""), out: &out, err: &errs})
		return status, errs.String()
	}
	if status, log := try("all", "setup"); status != exitDone {
		t.Fatalf("setup: exit status %d: %s", status, log)
	}
	nc := testbed.Connect(t, server.URL(), nats.UserInfo("all", "canary")).Conn()
	if _, err := nc.Request("dlq.payments.payments.success", []byte("{}"), patience); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user, args, want string
	}{
		{"nobody", "dlq ls", `list dead letters: this NATS user may not publish to "$JS.API.`},
		{"nobody", "dlq discard --all", `this NATS user may not publish to "$JS.API.`},
		{"nobody", "replay --route payments --since 1h", `this NATS user may not publish to "$JS.API.`},
		{"reader", "dlq discard 1", `this NATS user may not publish to "$JS.API.STREAM.MSG.DELETE.EVENTS_DLQ"`},
		{"careful", "dlq replay 1", `stopped after 0 of 1: replay dead letters: ` +
			`this NATS user may not publish to "redeliver.payments.payments.success"; the rest are where they were`},
	} {
		status, log := try(tt.user, strings.Fields(tt.args)...)
		if status != exitFailed || strings.Count(log, "\n") != 1 || !strings.Contains(log, tt.want) {
			t.Errorf("%s: %s: exit status %d: %s", tt.user, tt.args, status, log)
		}
	}
	// Of many letters one shows that none can be deleted.
	js := testbed.Connect(t, server.URL(), nats.UserInfo("all", "canary"))
	for range 99 {
		if _, err := js.Publish(t.Context(), "dlq.payments.payments.success", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	const kept = `stopped after 0 of 100: replay dead letters: this NATS user may not publish to "$JS.API.STREAM.MSG.DELETE.EVENTS_DLQ"; ` +
		"the event of letter 1 is stored for redelivery all the same: discard it, or replay it again within 10m, after which that delivers twice\n"
	for range 2 {
		if status, log := try("reader", "dlq", "replay", "--all"); status != exitFailed || !strings.HasSuffix(log, kept) {
			t.Errorf("exit status %d: %s", status, log)
		}
	}
	w := world{t: t, js: js}
	if copies, letters := w.count("EVENTS", "redeliver.>"), w.count("EVENTS_DLQ", "dlq.>"); copies != 1 || letters != 100 {
		t.Errorf("%d copies and %d letters", copies, letters)
	}
	if status, log := try("reader", "dlq", "ls"); status != exitDone || !strings.Contains(log, "50 of 100 dead letters") {
		t.Errorf("exit status %d: %s", status, log)
	}
}
