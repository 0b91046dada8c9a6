package stream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestSignOfLifeCountsOnceTheServerHasTakenIt: without the consumer's leader
// nobody takes it, and a connection that is cut off swallows it.
func TestSignOfLifeCountsOnceTheServerHasTakenIt(t *testing.T) {
	b := newBed(t, embedded.Config{})
	nc, leader := b.dial().Conn(), b.dial().Conn()
	it := &item{id: identity{7, 12345}, ackWait: 30 * time.Second, msg: &nats.Msg{Reply: "ack"}}
	start := time.Now()
	it.touched = start
	h := newHand()
	h.take(it)
	p := newPulse(nc, h)
	stop, err := p.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	touched := func() time.Duration {
		it.mu.Lock()
		defer it.mu.Unlock()
		return it.touched.Sub(start)
	}

	if err := it.keepAlive(start.Add(it.ackWait/2), p); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // the server has said by then that nobody listens
		t.Fatal(err)
	}
	taken := make(chan string, 8)
	if _, err := leader.Subscribe("ack", func(m *nats.Msg) { taken <- string(m.Data); _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	if err := leader.Flush(); err != nil {
		t.Fatal(err)
	}
	confirmed := it.ackWait * 2 / 5 // before the one that nobody has taken
	if err := it.keepAlive(start.Add(confirmed), p); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the confirmation", func() bool { return touched() == confirmed })
	if what := <-taken; what != "+WPI" {
		t.Errorf("sent %q", what)
	}

	if err := it.keepAlive(start.Add(confirmed+it.ackWait/4), p); err != nil {
		t.Fatal(err)
	}
	if err := it.keepAlive(start.Add(2*it.ackWait), p); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := len(taken); n > 0 {
		t.Errorf("%d more signs of an event that was young, or lost", n)
	}
}

// TestConfirmationAfterTheAckWaitKeepsNothing: the server may have handed the event to
// somebody else before it took the sign of life, which came in time and was taken late.
func TestConfirmationAfterTheAckWaitKeepsNothing(t *testing.T) {
	b := newBed(t, embedded.Config{})
	nc := b.dial().Conn()
	if _, err := nc.Subscribe("ack", func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	h := newHand()
	p := newPulse(nc, h)
	stop, err := p.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	const ackWait = time.Hour
	now := time.Now()
	late := &item{id: identity{7, 1}, ackWait: ackWait, msg: &nats.Msg{Reply: "ack"}, touched: now.Add(-ackWait)}
	timely := &item{id: identity{8, 1}, ackWait: ackWait, msg: &nats.Msg{Reply: "ack"}, touched: now.Add(-ackWait / 2)}
	for _, it := range []*item{late, timely} {
		h.take(it)
		if err := it.keepAlive(now, p); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the confirmations", func() bool { return !timely.stale(now.Add(ackWait)) })
	if !late.stale(now.Add(time.Second)) {
		t.Error("kept by a confirmation that came after the ack wait")
	}
}
