package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestAnswerThatTakesLongerThanTheAckWait leads to one request for each event,
// though another replica would take what is let go.
func TestAnswerThatTakesLongerThanTheAckWait(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	gate := standin.NewGate()
	w.makecom.Default("payments", gate.Then(standin.Accept()))
	const ackWait, events = 6 * time.Second, 6
	env := []string{"BRIDGE_ACK_WAIT=" + ackWait.String(), "BRIDGE_CONCURRENCY=4", "BRIDGE_DELIVERY_TIMEOUT=50s"}
	w.replica(env...) // each takes its share: one alone would pull some ahead
	w.replica(env...)
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.arrived(events)
	begin := time.Now()
	w.eventually("more than an ack wait to pass", func() bool { return time.Since(begin) > 3*ackWait/2 })
	if i := w.consumer("payments"); i.NumAckPending != events || i.NumRedelivered > 0 {
		t.Errorf("%d events are in hand and %d were delivered again, want %d and none", i.NumAckPending, i.NumRedelivered, events)
	}
	gate.Open()
	w.settled("payments")
	if c := w.makecom.Counts(); c.Arrived != events || c.AcceptedEvents != events {
		t.Errorf("%d requests for %d events, want %d", c.Arrived, c.AcceptedEvents, events)
	}
}
