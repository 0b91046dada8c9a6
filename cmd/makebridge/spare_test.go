package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestEventsAtFaultDoNotKeepTheDoorShutTogether: more of them than the route has
// places for, of which five hold the destination and others fail as the probe.
func TestEventsAtFaultDoNotKeepTheDoorShutTogether(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		ordering         string
		concurrency, bad int
	}{{"none", 1, 8}, {"none", 4, 12}, {"key", 4, 12}} {
		t.Run(fmt.Sprintf("%s %d", row.ordering, row.concurrency), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, embedded.Config{}, standin.Config{})
			w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
				if strings.HasPrefix(a.EventID, "bad") {
					return standin.Status(500)
				}
				return standin.Accept()
			})
			w.start(fmt.Sprint("BRIDGE_CONCURRENCY=", row.concurrency), "BRIDGE_ORDERING="+row.ordering, "BRIDGE_DELIVERY_ATTEMPTS=1",
				"BRIDGE_RATE_LIMIT=off", "BRIDGE_REDELIVERY_DELAYS=1h", "BRIDGE_HOLD_AFTER=5", "BRIDGE_HOLD_MIN=50ms", "BRIDGE_HOLD_MAX=100ms")
			publish := func(id string) { // each with a key of its own
				w.publish("payments.success", strings.Replace(paymentEvent(id), "pay_1", "pay_"+id, 1))
			}
			for i := range row.bad {
				publish(fmt.Sprint("bad-", i))
			}
			const good = 10
			for i := range good {
				publish(fmt.Sprint("good-", i))
			}
			w.eventually("the good ones to be delivered", func() bool { return w.makecom.Counts().AcceptedEvents == good })
		})
	}
}

// TestEventAtFaultDoesNotKeepTheDoorShutAlone: also where a route has one
// request in flight, and one replica, the next probe is another event.
func TestEventAtFaultDoesNotKeepTheDoorShutAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	var held atomic.Bool
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		answer := standin.Accept()
		switch {
		case held.CompareAndSwap(false, true):
			answer = standin.TooManyRequests("")
		case a.EventID == "bad":
			answer = standin.Status(500)
		}
		return standin.After(20*time.Millisecond, answer)
	})
	p := w.start("BRIDGE_CONCURRENCY=1", "BRIDGE_DELIVERY_ATTEMPTS=1", "BRIDGE_RATE_LIMIT=off",
		"BRIDGE_REDELIVERY_DELAYS=10s", "BRIDGE_HOLD_AFTER=5")
	w.publish("payments.success", paymentEvent("bad"))
	w.arrived(3) // it has failed as the probe
	const events = 20
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("good-", i)))
	}
	w.eventually("the others to be delivered", func() bool { return w.makecom.Counts().AcceptedEvents == events })
	p.end()
	arrivals := w.makecom.Arrivals()
	slices.SortFunc(arrivals, func(a, b standin.Arrival) int { return a.Time.Compare(b.Time) })
	for i, a := range arrivals[1:] {
		if before := arrivals[i]; a.Time.Before(before.Settled) {
			t.Errorf("%s was posted before %s was answered: two in flight", a.EventID, before.EventID)
		}
	}
	if n := len(w.letters()); n > 0 {
		t.Errorf("%d letters", n)
	}
}
