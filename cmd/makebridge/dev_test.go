package main

import (
	"net"
	"strings"
	"testing"
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
