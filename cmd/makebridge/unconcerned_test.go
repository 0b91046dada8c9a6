package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// askers are the commands that need nothing but NATS, as used on an event and a
// letter, each with the other variables that it goes by.
func askers() map[string][]string {
	const stream, dlq, bucket = "BRIDGE_STREAM", "BRIDGE_DLQ_STREAM", "BRIDGE_BUCKET"
	return map[string][]string{
		"status":                                       {stream, bucket},
		"trace event-1":                                {stream, dlq, bucket, "BRIDGE_RECEIPTS", "BRIDGE_ORDERING", "MAKE_WEBHOOK_ERRORS_ORDERING"},
		"dlq ls --route payments":                      {stream, dlq},
		"dlq show 1":                                   {stream, dlq},
		"dlq replay 1 --dry-run":                       {stream, dlq},
		"dlq discard 1 --dry-run":                      {stream, dlq},
		"publish payment.success --example":            {stream},
		"replay --route payments --since 1h --dry-run": {stream},
	}
}

// ask runs a command in an environment that may have another NATS_URL.
func (w *world) ask(command string, env ...string) (status int, errs string) {
	var out, log buffer
	environ := append([]string{"NATS_URL=" + w.nats.URL()}, env...)
	status = run(w.t.Context(), strings.Fields(command), &console{environ: environ, in: strings.NewReader(""), out: &out, err: &log})
	return status, log.String()
}

// TestProblemsOfSettingsThatACommandDoesNotUse keep it from nothing; those that
// it does use it tells of.
func TestProblemsOfSettingsThatACommandDoesNotUse(t *testing.T) {
	t.Chdir(t.TempDir())
	w := newWorld(t, embedded.Config{}, standin.Config{})
	if status, _, errs := w.commandAs(w.env, "setup"); status != exitDone {
		t.Fatal(errs)
	}
	w.publish("payments.success", paymentEvent("event-1"), "Nats-Msg-Id", "event-1")
	w.publish("dlq.payments.payments.success", paymentEvent("event-1"), "Makebridge-Route", "payments", "Makebridge-Subject", "payments.success")

	faults := []string{
		"NATS_URL=http://h", "NATS_CA=/nonexistent",
		"BRIDGE_STREAM=a.b", "BRIDGE_DLQ_STREAM=a.b", "BRIDGE_BUCKET=a.b", "BRIDGE_RECEIPTS=perhaps", "BRIDGE_STREAM_REPLICAS=9",
		"BRIDGE_CONCURRENCY=0", "BRIDGE_HTTP_ADDR=8080", "BRIDGE_LOG_LEVEL=loud", "BRIDGE_ORDERING=some",
		"MAKE_WEBHOOK_PAYMENTS_URL_FILE=/nonexistent", "MAKE_WEBHOOK_ERRORS_ORDERING=some", "MAKE_WEBHOOK_MESSAGES_API_KEY_FILE=/nonexistent",
		"MAKE_WEBHOOK_STUDENTS_URL=https://hook.example.com/s", "MAKE_WEBHOOK_CRM_ORDERING=key", "MAKE_WEBHOOK_crm_URL=x",
	}
	for command, uses := range askers() {
		for _, fault := range faults {
			name, _, _ := strings.Cut(fault, "=")
			status, errs := w.ask(command, fault)
			if !slices.Contains(uses, name) && !strings.HasPrefix(name, "NATS_") {
				if status != exitDone {
					t.Errorf("%s %s: exit status %d: %s", fault, command, status, errs)
				}
				continue
			}
			if status != exitUsage || !strings.HasPrefix(errs, "makebridge: the configuration has 1 problem:\n  "+name+": ") {
				t.Errorf("%s %s: exit status %d, want %d: %s", fault, command, status, exitUsage, errs)
			}
		}
		status, errs := w.ask(command, "BRIDGE_STREAM=a.b", "NATS_URL=http://h", "BRIDGE_CONCURRENCY=0")
		if status != exitUsage || !strings.Contains(errs, "has 2 problems:\n  NATS_URL: ") || !strings.Contains(errs, "\n  BRIDGE_STREAM: ") {
			t.Errorf("%s: exit status %d: %s", command, status, errs)
		}
	}

	if err := os.WriteFile(".env", []byte("MAKE_WEBHOOK_STUDENTS_URL=https://hook.example.com/s\nBRIDGE_CONCURRENCY=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for command := range askers() {
		if status, errs := w.ask(command); status != exitDone {
			t.Errorf(".env, %s: exit status %d: %s", command, status, errs)
		}
	}
	for _, command := range []string{"events", "events show payment.success"} {
		if status, errs := w.ask(command, faults...); status != exitDone {
			t.Errorf("%s: exit status %d: %s", command, status, errs)
		}
	}
	for _, command := range []string{"ping", "setup", "check"} {
		if status, errs := w.ask(command); status == exitDone || !strings.Contains(errs, "BRIDGE_CONCURRENCY: must be at least 1") {
			t.Errorf("%s: exit status %d: %s", command, status, errs)
		}
	}
}
