package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestTakeoverOfAnOrderedRoute ends the replica that serves a route which keeps
// an order, under load, and tells how long nobody served it. One that is asked
// to go leaves nothing to wait for, so the ack wait then is one that the test
// does not live to see.
func TestTakeoverOfAnOrderedRoute(t *testing.T) {
	for _, how := range []struct {
		signal  syscall.Signal
		ackWait string
	}{{syscall.SIGTERM, "10m"}, {syscall.SIGKILL, "6s"}} {
		t.Run(strings.ReplaceAll(how.signal.String(), " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, embedded.Config{}, standin.Config{Delay: 20 * time.Millisecond})
			all := standin.NewGate() // so that most are left, however long it takes to publish them
			w.makecom.Default("payments", all.Then(standin.Accept()))
			w.env = append(w.env, "BRIDGE_ORDERING=key", "BRIDGE_ACK_WAIT="+how.ackWait, "BRIDGE_RATE_LIMIT=off", "BRIDGE_CONCURRENCY=8",
				"BRIDGE_DELIVERY_TIMEOUT=50s")
			replicas := map[string]*exec.Cmd{}
			for _, name := range []string{"one", "other"} {
				replicas[name] = w.replica("MAKE_WEBHOOK_PAYMENTS_API_KEY=" + name)
			}
			const keys, events, before = 30, 40, 300
			for n := range events {
				for k := range keys {
					w.publish("payments.success", strings.Replace(paymentEvent(fmt.Sprintf("%d/%d", k, n)), "pay_1", fmt.Sprint("pay_", k), 1))
				}
			}
			all.Open()
			owner := w.arrived(before)[0].Header.Get("x-make-apikey")
			told := time.Now()
			if err := replicas[owner].Process.Signal(how.signal); err != nil {
				t.Fatal(err)
			}
			w.settled("payments")

			var last, first time.Time // request of the one, and of the other
			for _, a := range w.makecom.Arrivals() {
				switch {
				case a.Header.Get("x-make-apikey") == owner:
					last = a.Time
				case first.IsZero():
					first = a.Time
				}
			}
			if first.IsZero() || last.After(first) {
				t.Fatalf("the last request of one replica came %s, the first of the other %s", stamp(last), stamp(first))
			}
			inOrder(t, w.makecom.Arrivals())
			if c := w.makecom.Counts(); c.AcceptedEvents != keys*events {
				t.Errorf("%d events accepted, want %d", c.AcceptedEvents, keys*events)
			}
			t.Logf("ack wait %s: the other replica's first request came %s after the signal, %s after the last of the one",
				how.ackWait, first.Sub(told).Round(time.Millisecond), first.Sub(last).Round(time.Millisecond))
		})
	}
}
