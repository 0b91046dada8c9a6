package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestPublishNamesThePermissionThatIsMissing(t *testing.T) {
	server := testbed.StartServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `accounts { APP { jetstream: enabled, users = [
		{user: reader, password: canary, permissions: {publish: ["$JS.API.>"]}}
	] } }`)})
	try := func(password string, args ...string) (status int, log string) {
		var out, errs buffer
		status = run(t.Context(), args, &console{environ: []string{
			"NATS_URL=" + server.URL(), "NATS_USER=reader", "NATS_PASSWORD=" + password,
		}, in: strings.NewReader(""), out: &out, err: &errs})
		return status, errs.String()
	}
	if status, log := try("canary", "setup"); status != exitDone {
		t.Fatalf("setup: exit status %d: %s", status, log)
	}
	status, log := try("canary", "publish", "payments.success", "--example")
	if status != exitFailed || !strings.Contains(log, `this NATS user may not publish to "payments.success"`) {
		t.Errorf("exit status %d: %s", status, log)
	}
	status, log = try("canary-2", "publish", "payments.success", "--example")
	if status != exitFailed || !strings.Contains(log, "Authorization Violation") || !strings.Contains(log, "NATS_USER") || strings.Contains(log, "canary") {
		t.Errorf("exit status %d: %s", status, log)
	}
}

// TestPublishWithoutAnInbox stores the event, whose answer nobody may hear.
func TestPublishWithoutAnInbox(t *testing.T) {
	server := testbed.StartServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `accounts { APP { jetstream: enabled, users = [
		{user: some, password: p, permissions: {subscribe: ["_INBOX_some.>"]}}
	] } }`)})
	try := func(prefix string, args ...string) (status int, out, log string) {
		var printed, errs buffer
		status = run(t.Context(), args, &console{environ: []string{
			"NATS_URL=" + server.URL(), "NATS_USER=some", "NATS_PASSWORD=p", "NATS_INBOX_PREFIX=" + prefix,
		}, in: strings.NewReader(paymentEvent("whole")), out: &printed, err: &errs})
		return status, printed.String(), errs.String()
	}
	if status, _, log := try("_INBOX_some", "setup"); status != exitDone {
		t.Fatalf("setup: exit status %d: %s", status, log)
	}
	const denied = `this NATS user may not subscribe to "_INBOX\.\S+"`
	for want, args := range map[string][]string{
		`^makebridge: publish payment\.success event-1 to payments\.success: ` + denied +
			`, so no answer comes and the event may have been stored: set NATS_INBOX_PREFIX and publish it again with --id event-1\n$`: {"publish", "payments.success", "--example", "--id", "event-1"},
		`stored: set NATS_INBOX_PREFIX and publish it again\n$`:                        {"publish", "--envelope", "-"},
		`^makebridge: look up stream EVENTS: ` + denied + `: set NATS_INBOX_PREFIX\n$`: {"status"},
		`^makebridge: list dead letters: ` + denied + `: set NATS_INBOX_PREFIX\n$`:     {"dlq", "ls"},
	} {
		if status, _, log := try("", args...); status != exitFailed || !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("exit status %d: %s", status, log)
		}
	}
	status, out, log := try("_INBOX_some", "publish", "payments.success", "--example", "--id", "event-1")
	if status != exitDone || !strings.Contains(out, "it was stored before") {
		t.Errorf("exit status %d: %s%s", status, out, log)
	}
	status, _, log = try("_INBOX_other", "status")
	if status != exitFailed || !strings.HasSuffix(log, `.*"`+"\n") {
		t.Errorf("exit status %d: %s", status, log)
	}
}

// TestWithoutJetStreamTheCauseIsNamed, where it looks as if a stream were missing.
func TestWithoutJetStreamTheCauseIsNamed(t *testing.T) {
	server := testbed.StartServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `
		accounts: {PLAIN: {users: [{user: plain, password: secret}]}, OTHER: {jetstream: enabled, users: [{user: other, password: secret}]}}
		no_auth_user: plain`)}).URL()
	for _, args := range []string{"publish payment.success --example", "trace event-1"} {
		var out, errs buffer
		status := run(t.Context(), strings.Fields(args), &console{environ: []string{"NATS_URL=" + server}, in: strings.NewReader(""), out: &out, err: &errs})
		if status != exitFailed || strings.Count(errs.String(), "\n") != 1 || strings.Contains(errs.String(), "makebridge setup") ||
			!strings.Contains(errs.String(), ": start nats-server with -js, enable JetStream for the account, or mend NATS_JS_DOMAIN\n") {
			t.Errorf("makebridge %s: exit status %d, %s%s", args, status, out.String(), errs.String())
		}
	}
}
