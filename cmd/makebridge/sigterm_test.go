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

// TestSIGTERMToOneOfThreeUnderLoad: no event is posted twice, and the others
// take over what the one that goes had in hand. It tells how long that took.
func TestSIGTERMToOneOfThreeUnderLoad(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	all := standin.NewGate() // so that most are left, however long it takes to publish them
	w.makecom.Default("payments", all.Then(standin.After(20*time.Millisecond, standin.Accept())))
	// An ack wait that the test does not live to see: what is not handed back
	// would not come.
	env := []string{"BRIDGE_ACK_WAIT=10m", "BRIDGE_CONCURRENCY=8", "BRIDGE_RATE_LIMIT=off", "BRIDGE_DELIVERY_TIMEOUT=50s"}
	var replicas []*exec.Cmd
	for i := range 3 {
		replicas = append(replicas, w.replica(append(env, fmt.Sprint("MAKE_WEBHOOK_PAYMENTS_API_KEY=replica-", i))...))
	}
	const events, before = 2000, 400
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	served := func() map[string]int {
		by := map[string]int{}
		for _, a := range w.makecom.Arrivals() {
			by[a.Header.Get("x-make-apikey")]++
		}
		return by
	}
	all.Open()
	w.arrived(before)
	w.eventually("all replicas to be at work", func() bool { return len(served()) == 3 || w.makecom.Counts().Arrived == events })
	told := time.Now()
	if err := replicas[0].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := replicas[0].Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	left := time.Since(told)
	w.settled("payments")

	times, back, longest := map[string]int{}, 0, time.Duration(0)
	for _, a := range w.makecom.Arrivals() {
		if times[a.EventID]++; times[a.EventID] > 1 {
			t.Errorf("%s was posted %d times", a.EventID, times[a.EventID])
		}
		if a.Delivery > 1 {
			back++
			longest = max(longest, a.Time.Sub(told))
		}
	}
	if len(times) != events {
		t.Errorf("%d events were posted, want %d", len(times), events)
	}
	t.Logf("%v served; the replica was gone after %s; %d events were handed back, the last was posted %s after the signal",
		served(), left.Round(time.Millisecond), back, longest.Round(time.Millisecond))
}
