package main

import (
	"context"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

func TestHealthyTellsALivingBridgeFromOneThatIsReady(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start()
	p.eventually("readiness", func() bool { status, _ := p.health("/readyz"); return status == 200 })
	addr := "BRIDGE_HTTP_ADDR=" + healthAddress.FindStringSubmatch(p.log.String())[1]

	for _, args := range [][]string{{"healthy"}, {"healthy", "--ready"}} {
		if status, said := ask(args, addr); status != exitDone || said != "" {
			t.Errorf("%v: exit status %d, %q", args, status, said)
		}
	}

	w.nats.Shutdown()
	p.eventually("the bridge to notice", func() bool { status, _ := p.health("/readyz"); return status == 503 })
	if status, said := ask([]string{"healthy"}, addr); status != exitDone {
		t.Errorf("without NATS it is not alive: exit status %d, %q", status, said)
	}
	if status, said := ask([]string{"healthy", "--ready"}, addr); status != exitFailed || !strings.Contains(said, `"nats":"not connected"`) {
		t.Errorf("without NATS it is ready: exit status %d, %q", status, said)
	}
	w.startNATS()
	p.eventually("readiness again", func() bool { status, _ := ask([]string{"healthy", "--ready"}, addr); return status == exitDone })
}

func TestHealthyAsksABridgeThatListensEverywhere(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:1": "127.0.0.1:1", "[::]:2": "[::1]:2",
		"127.0.0.1:3": "127.0.0.1:3", "[::1]:4": "[::1]:4", "bridge.internal:5": "bridge.internal:5",
	} {
		got, err := reachable(addr)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", addr, got, err)
		}
	}
}

// ask runs a command with these variables alone and returns its exit status and
// what it wrote.
func ask(args []string, environ ...string) (status int, said string) {
	var out, log buffer
	status = run(context.Background(), args, &console{environ: environ, in: strings.NewReader(""), out: &out, err: &log})
	return status, out.String() + log.String()
}
