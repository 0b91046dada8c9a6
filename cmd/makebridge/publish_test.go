package main

import (
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
