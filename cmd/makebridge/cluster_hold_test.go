package main

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

// TestHoldIsSharedWhileAServerIsDown: the server that is gone is the one that
// told a replica of holds, and not the one that the replica is connected to.
func TestHoldIsSharedWhileAServerIsDown(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, standin.Config{Delay: 20 * time.Millisecond})
	const hold = 20 * time.Second
	w.env = append(w.env, "BRIDGE_RATE_LIMIT=off", "BRIDGE_HOLD_MIN="+hold.String(), "BRIDGE_HOLD_MAX="+hold.String())
	stays := w.cluster.servers[0]
	listener, teller := w.toldByAnother(stays, "MAKE_WEBHOOK_PAYMENTS_API_KEY=listener")
	w.replica("MAKE_WEBHOOK_PAYMENTS_API_KEY=refused", "NATS_URL="+stays.url)
	for _, of := range [][2]string{{"EVENTS", ""}, {"EVENTS", "payments"}, {"KV_makebridge", ""}} {
		w.cluster.lead(stays, of[0], of[1]) // so that nobody waits for an election
	}
	l := w.load()
	l.goesOn(50)
	w.cluster.kill(teller)
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.Header.Get("x-make-apikey") == "refused" {
			return standin.Status(http.StatusGone)
		}
		return standin.Accept()
	})
	heard := func() bool {
		return strings.Contains(listener.Stderr.(*buffer).String(), "destination held by another replica")
	}
	w.eventually("the hold", func() bool { return w.makecom.Counts().ByStatus[http.StatusGone] > 0 })
	for end := time.Now().Add(hold / 10 * 8); !heard(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a replica posts on for as long as the hold lasts")
		}
	}
	w.makecom.Default("payments", standin.Accept())
	w.cluster.restart(teller)
	if again := l.judge(); len(again) > 0 {
		t.Errorf("accepted more than once: %v", again)
	}
}

// toldByAnother starts a replica that is connected to one server, and hears of
// holds from another, which it returns.
func (w *clusterWorld) toldByAnother(connected *clusterServer, env ...string) (*exec.Cmd, *clusterServer) {
	w.t.Helper()
	for {
		cmd := w.replica(append(env, "NATS_URL="+connected.url)...)
		var teller *clusterServer
		w.cluster.eventually("the replica's watch", func(ctx context.Context) bool {
			bucket, err := w.js.Stream(ctx, "KV_makebridge")
			if err != nil {
				return false
			}
			for watch := range bucket.ListConsumers(ctx).Info() {
				teller = w.cluster.named(watch.Cluster.Leader)
			}
			return teller != nil
		})
		if teller != connected {
			return cmd, teller
		}
		w.end(cmd)
	}
}
