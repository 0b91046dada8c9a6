package main

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

func TestHoldIsObeyedByAllReplicasAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("payments", standin.Status(410))
	env := []string{"BRIDGE_HOLD_MIN=2s", "BRIDGE_HOLD_MAX=2s", "BRIDGE_CONCURRENCY=4"}
	first := w.start(env...)
	for i := range 12 {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.arrived(4) // those in flight as it learned
	w.start(env...)
	w.start(env...)
	first.end()
	w.start(env...)
	w.eventually("some probes", func() bool { return w.makecom.Counts().Arrived >= 9 })
	arrivals := w.makecom.Arrivals()
	w.makecom.Default("payments", standin.Accept())
	w.settled("payments")
	// After the first moment only probes come, one after another.
	for i := 5; i < len(arrivals); i++ {
		if gap := arrivals[i].Time.Sub(arrivals[i-1].Time); gap < 1500*time.Millisecond {
			t.Errorf("two requests within %s to a held destination", gap)
		}
	}
	if c := w.makecom.Counts(); c.AcceptedEvents != 12 {
		t.Errorf("%d events accepted, want 12", c.AcceptedEvents)
	}
	if n := len(w.letters()); n > 0 {
		t.Errorf("%d letters", n)
	}
}

// TestLimitIsKeptByAllReplicasTogether looks at every sliding window, while
// replicas are killed and replaced.
func TestLimitIsKeptByAllReplicasTogether(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	const requests, window = 60, 2 * time.Second
	const concurrency = 4
	env := []string{"BRIDGE_RATE_LIMIT=60/2s", "BRIDGE_ACK_WAIT=1s", fmt.Sprint("BRIDGE_CONCURRENCY=", concurrency)}
	replicas := []*exec.Cmd{w.process(env...), w.process(env...), w.process(env...)}
	const events = 400
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	for i := range replicas {
		w.arrived(60 * (i + 1))
		if err := replicas[i].Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		w.process(env...)
	}
	w.settled("payments")
	w.pacedAt(requests, window, (len(replicas)+1)*concurrency) // one has just been killed
	if c := w.makecom.Counts(); c.AcceptedEvents != events {
		t.Errorf("%d events accepted, want %d", c.AcceptedEvents, events)
	}
}
