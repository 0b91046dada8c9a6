package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestPublishNamesThePermissionThatIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(`accounts { APP { jetstream: enabled, users = [
		{user: reader, password: canary, permissions: {publish: ["$JS.API.>"]}}
	] } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := embedded.Start(embedded.Config{StoreDir: t.TempDir(), ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
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
