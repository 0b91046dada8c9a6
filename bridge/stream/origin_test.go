package stream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// runOnly starts a replica that provisions nothing: the test does.
func (b *bed) runOnly(handle handlerFunc, route *bridge.Route) *replica {
	b.t.Helper()
	provision(b.t, b.client(), testSettings(), route)
	settings := testSettings()
	settings.Provision = false
	return b.run(settings, handle, route)
}

// replaceStream deletes the stream, creates it again, and waits until the replica
// is bound to the new one. It begins when the old one is gone for good: what is
// created while the server still deletes it may have its events.
func (b *bed) replaceStream(r *replica, route *bridge.Route) {
	b.t.Helper()
	if err := b.client().DeleteStream(b.t.Context(), "EVENTS"); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the consumer to be missed", func() bool { return len(r.Unready()) == 1 })
	provision(b.t, b.client(), testSettings(), route)
	eventually(b.t, "the route to be bound again", func() bool { return len(r.Unready()) == 0 })
}

// overtake waits for what the replica has said to have had its effect: events that
// are given back are delivered before new ones, so one that is published now is
// settled after that.
func (b *bed) overtake(r *replica) {
	b.t.Helper()
	if err := r.js.Conn().Flush(); err != nil {
		b.t.Fatal(err)
	}
	before := r.count(bridge.Filtered)
	b.publish("payments.success", keyed("other", 0))
	eventually(b.t, "a younger event to be settled", func() bool { return r.count(bridge.Filtered) > before })
}

// TestEventOfADeletedStreamSettlesNoOther: it is in flight as its stream is deleted,
// and whatever becomes of it then, the new event that has its sequence stays in hand.
func TestEventOfADeletedStreamSettlesNoOther(t *testing.T) {
	t.Parallel()
	for _, ordering := range []bridge.Ordering{bridge.OrderingNone, bridge.OrderingKey} {
		for _, outcome := range []bridge.Outcome{bridge.Delivered, bridge.DeadLettered, bridge.Retried, bridge.HandedBack} {
			t.Run(ordering.String()+" "+outcome.String(), func(t *testing.T) {
				t.Parallel()
				b := newBed(t, embedded.Config{})
				b.createBucket()
				began, oldGo, newGo := make(chan string, 10), make(chan struct{}), make(chan struct{})
				route := orderedRoute(t, ordering, 4)
				r := b.runOnly(func(_ context.Context, m bridge.Message) bridge.Verdict {
					began <- nameOf(m)
					switch nameOf(m) {
					case "old/0":
						<-oldGo
						return bridge.Verdict{Outcome: outcome, Reason: bridge.Rejected, Attempts: 1}
					case "new/0":
						<-newGo
						return bridge.Verdict{Outcome: bridge.Delivered}
					}
					return bridge.Verdict{Outcome: bridge.Filtered}
				}, route)
				b.publish("payments.success", keyed("old", 0))
				<-began
				b.replaceStream(r, route)
				b.publish("payments.success", keyed("new", 0))
				<-began
				close(oldGo)
				eventually(t, "the old event to be let go", func() bool { return r.Routes()[0].Running == 1 })
				b.overtake(r)
				if i := b.consumer("payments"); i.NumAckPending != 1 || i.Delivered.Consumer != 2 {
					t.Errorf("%d events in hand after %d deliveries, want the new one after 2", i.NumAckPending, i.Delivered.Consumer)
				}
				close(newGo)
				b.settled("payments")
				if n := len(b.letters()); (n == 1) != (outcome == bridge.DeadLettered) {
					t.Errorf("%d letters", n)
				}
			})
		}
	}
}

// TestNoteOfADeletedStreamBringsBackNoOtherEvent: it would give back the new event
// that has its sequence, and that is in hand.
func TestNoteOfADeletedStreamBringsBackNoOtherEvent(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	began, newGo := make(chan string, 10), make(chan struct{})
	route := testRoute(t, "payments", 4)
	r := b.runOnly(func(_ context.Context, m bridge.Message) bridge.Verdict {
		switch nameOf(m) {
		case "old/0":
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		case "new/0":
			began <- nameOf(m)
			<-newGo
			return bridge.Verdict{Outcome: bridge.Delivered}
		}
		return bridge.Verdict{Outcome: bridge.Filtered}
	}, route)
	b.publish("payments.success", keyed("old", 0))
	eventually(t, "the old event to be put off", func() bool { return r.count(bridge.Retried) == 1 })
	b.replaceStream(r, route)
	b.publish("payments.success", keyed("new", 0))
	<-began
	r.BringBack(t.Context(), "payments")
	b.overtake(r)
	if i := b.consumer("payments"); i.Delivered.Consumer != 2 {
		t.Errorf("%d deliveries, want 2", i.Delivered.Consumer)
	}
	if n := notes(t, kv); n > 0 {
		t.Errorf("%d notes are left", n)
	}
	close(newGo)
	b.settled("payments")
}

// TestStreamThatIsReplacedUnheardIsNoticed: a replica whose places are all taken asks
// for nothing, so nobody tells it.
func TestStreamThatIsReplacedUnheardIsNoticed(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	settings, route := testSettings(), testRoute(t, "payments", 2)
	settings.MaxAge = time.Minute // so the stream is looked at every second
	oldGo := make(chan struct{})
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if string(m.Body) == "old" {
			<-oldGo
		}
		return accept(ctx, m)
	}, route)
	for range 2 {
		b.publish("payments.success", "old")
	}
	eventually(t, "all places to be taken", func() bool { return r.Routes()[0].Running == 2 })
	if err := b.client().DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	provision(t, b.client(), settings, route) // as another replica does
	stolen := b.steal(2)                      // and has them in hand
	for range 2 {
		b.publish("payments.success", "new")
		<-stolen
	}
	eventually(t, "that to be noticed", func() bool { return strings.Contains(b.logs.String(), "stream was deleted and created again; ") })
	close(oldGo)
	eventually(t, "the old events to be settled", func() bool { return r.count(bridge.Delivered) == 2 })
	if err := r.js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if i := b.consumer("payments"); i.NumAckPending != 2 {
		t.Errorf("%d of the 2 new events are still in somebody's hands", i.NumAckPending)
	}
}

// TestNothingIsSaidWhileTheStreamIsInDoubt: from when the consumer is gone until the
// route is bound again.
func TestNothingIsSaidWhileTheStreamIsInDoubt(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	js := b.dial()
	link, stop := followLink(t.Context(), js.Conn())
	defer stop()
	s := &settler{parking: &parking{js: js}, link: link, log: b.logger()}
	said, err := b.client().Conn().SubscribeSync("ack")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.client().Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	of := &origin{}
	arrived, err := js.Conn().SubscribeSync("events")
	if err != nil {
		t.Fatal(err)
	}
	say := func() error {
		it := &item{
			msg: &nats.Msg{Reply: "ack", Sub: arrived}, origin: of, ackWait: time.Hour,
			touched: time.Now().Add(-30 * time.Minute),
		}
		err := s.ack(it, "confirmed")
		s.nak(it, 0)
		err = errors.Join(err, it.keepAlive(time.Now(), newPulse(js.Conn(), newHand())))
		return errors.Join(err, js.Conn().Flush(), b.client().Conn().Flush())
	}
	for _, state := range []int32{doubtful, deleted} {
		of.state.Store(state)
		if err := say(); !errors.Is(err, errDoubtful) {
			t.Errorf("state %d: %v", state, err)
		}
		if n, _, _ := said.Pending(); n != 0 {
			t.Errorf("state %d: the server was told something", state)
		}
	}
	of.state.Store(present)
	if err := say(); err != nil {
		t.Error(err)
	}
	if n, _, _ := said.Pending(); n != 3 {
		t.Errorf("%d of 3 said where there is no doubt", n)
	}
}

// TestAcknowledgementsToADeletedStreamAreLetGo: nobody will ever confirm them.
func TestAcknowledgementsToADeletedStreamAreLetGo(t *testing.T) {
	t.Parallel()
	a := newTestAcks(t, newBed(t, embedded.Config{}))
	a.send = func(*item, string) error { return errDoubtful }
	var o outcomes
	of := &origin{}
	of.state.Store(doubtful)
	orphan, other := testItem(), testItem()
	orphan.origin = of
	a.start(orphan, o.done)
	a.start(other, o.done)
	a.forget() // its stream may be the same
	if n := o.confirmed.Load(); n != 0 || a.on.Load() != 2 {
		t.Errorf("%d done with, %d on their way", n, a.on.Load())
	}
	of.state.Store(deleted)
	a.forget()
	a.start(orphan, o.done)
	if n := o.confirmed.Load(); n != 2 || a.on.Load() != 1 {
		t.Errorf("%d done with, %d on their way", n, a.on.Load())
	}
	a.end()
	a.start(orphan, o.done)
	if n := o.givenUp.Load(); n != 2 || a.on.Load() != 0 {
		t.Errorf("%d given up, %d on their way", n, a.on.Load())
	}
}
