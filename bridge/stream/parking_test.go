package stream

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func (b *bed) createBucket() jetstream.KeyValue {
	b.t.Helper()
	kv, err := b.client().CreateKeyValue(b.t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge", LimitMarkerTTL: time.Minute})
	if err != nil {
		b.t.Fatal(err)
	}
	// As a replica leaves it that has stopped: nobody has to be waited for.
	if _, err := kv.PutString(b.t.Context(), "owner.payments", `{"replica":"before","released":true}`); err != nil {
		b.t.Fatal(err)
	}
	return kv
}

// notes is how many events are noted.
func notes(t *testing.T, kv jetstream.KeyValue) (n int) {
	t.Helper()
	keys, err := kv.ListKeysFiltered(t.Context(), "parked.>")
	if err != nil {
		t.Fatal(err)
	}
	for range keys.Keys() {
		n++
	}
	return n
}

func TestEventsThatWaitAreBroughtBackByAnyReplica(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	var healthy atomic.Bool
	handle := func(_ context.Context, m bridge.Message) bridge.Verdict {
		if healthy.Load() {
			return accept(t.Context(), m)
		}
		return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Minute}
	}
	first := b.run(testSettings(), handle, testRoute(t, "payments", 4), testRoute(t, "appointments", 4))
	const events = 20
	for range events {
		b.publish("payments.success", "1")
	}
	b.publish("appointments.created", "2")
	eventually(t, "all to be put off", func() bool { return first.count(bridge.Retried) == events+1 })
	first.stop() // another one brings them back
	healthy.Store(true)
	second := b.run(testSettings(), handle, testRoute(t, "payments", 4), testRoute(t, "appointments", 4))
	second.BringBack(t.Context(), "payments")
	eventually(t, "the events to be delivered", func() bool { return second.count(bridge.Delivered) == events })
	b.settled("payments")
	if i := b.consumer("appointments"); i.NumAckPending != 1 {
		t.Errorf("another route's event was brought back: %d pending", i.NumAckPending)
	}
	eventually(t, "the notes to be gone", func() bool { return notes(t, kv) == 1 })
	second.BringBack(t.Context(), "payments") // of nothing
}

func TestEventThatIsInHandAgainIsNotBroughtBack(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.createBucket()
	handled, release := make(chan int, 10), make(chan struct{})
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		handled <- m.Delivery
		if m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Minute}
		}
		<-release
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	b.publish("payments.success", "1")
	eventually(t, "it to be put off", func() bool { return r.count(bridge.Retried) == 1 })
	r.BringBack(t.Context(), "payments")
	eventually(t, "it to come back", func() bool { return len(handled) == 2 })
	r.BringBack(t.Context(), "payments") // it is in hand: leave it alone
	close(release)
	b.settled("payments")
	if n := len(handled); n != 2 {
		t.Errorf("delivered %d times, want 2", n)
	}
}

func TestNotesOfSettledEventsAreForgotten(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery < 3 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 50 * time.Millisecond}
		}
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	for range 10 {
		b.publish("payments.success", "1")
	}
	eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == 10 })
	if n := notes(t, kv); n > 0 {
		t.Errorf("%d notes are left", n)
	}
}

func TestBucketWithoutMarkerTTLsWillDo(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv, err := b.client().CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge"})
	if err != nil {
		t.Fatal(err)
	}
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		}
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	b.publish("payments.success", "1")
	eventually(t, "it to be put off", func() bool { return r.count(bridge.Retried) == 1 })
	r.BringBack(t.Context(), "payments")
	eventually(t, "it to be delivered", func() bool { return r.count(bridge.Delivered) == 1 })
	if n := notes(t, kv); n > 0 {
		t.Errorf("%d notes are left", n)
	}
}
