package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestOrderIsKeptWhenReplicasAreKilled: by SIGKILL and SIGTERM, while some
// deliveries fail, what arrives of each payment is in the order in which it was
// published. What was in flight may arrive again, and before anything else.
func TestOrderIsKeptWhenReplicasAreKilled(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.Delivery == 1 && strings.HasSuffix(a.EventID, "3") {
			return standin.Status(500)
		}
		return standin.After(10*time.Millisecond, standin.Accept())
	})
	env := []string{
		"BRIDGE_ORDERING=key", "BRIDGE_ACK_WAIT=6s", // longer than a stall of the machine
		"BRIDGE_RATE_LIMIT=off", "BRIDGE_CONCURRENCY=8",
		"BRIDGE_DELIVERY_ATTEMPTS=1", "BRIDGE_REDELIVERY_DELAYS=100ms", "BRIDGE_HOLD_AFTER=1000",
	}
	replicas := []*exec.Cmd{w.process(env...), w.process(env...), w.process(env...)}
	const keys, events = 12, 40
	for n := range events {
		for k := range keys {
			w.publish("payments.success", strings.Replace(paymentEvent(fmt.Sprintf("%d/%d", k, n)), "pay_1", fmt.Sprint("pay_", k), 1))
		}
	}
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		w.arrived(keys * events * (i + 1) / 4)
		if err := replicas[i].Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		w.process(env...)
	}
	w.settled("payments")
	inOrder(t, w.makecom.Arrivals())
	if c := w.makecom.Counts(); c.AcceptedEvents != keys*events {
		t.Errorf("%d events accepted, want %d", c.AcceptedEvents, keys*events)
	}
	if n := len(w.letters()); n > 0 {
		t.Errorf("%d letters", n)
	}
}

// inOrder complains of events, whose ids are <key>/<number>, that arrived before
// all of their key that come before them, or after one that comes behind them.
func inOrder(t *testing.T, arrivals []standin.Arrival) {
	t.Helper()
	latest := map[string]int{}
	for _, a := range arrivals {
		key, number, _ := strings.Cut(a.EventID, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		last, ok := latest[key]
		if !ok {
			last = -1
		}
		if n != last && n != last+1 {
			t.Errorf("event %d of %s arrived after %d", n, key, last)
		}
		latest[key] = n
	}
}
