package stream

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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

// slowBucket takes notes only when told to.
type slowBucket struct {
	jetstream.KeyValue
	asked, answer chan struct{}
}

func (s slowBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	close(s.asked)
	<-s.answer
	return s.KeyValue.Put(ctx, key, value)
}

// TestEventThatIsPutOffIsNotKeptAlive while its note is being written: that would
// bring it back after the ack wait, however long its delay is.
func TestEventThatIsPutOffIsNotKeptAlive(t *testing.T) {
	b := newBed(t, embedded.Config{})
	bucket := slowBucket{b.createBucket(), make(chan struct{}), make(chan struct{})}
	r := b.run(testSettings(), func(context.Context, bridge.Message) bridge.Verdict {
		return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Minute}
	}, testRoute(t, "payments", 4))
	r.parking.mu.Lock()
	r.parking.opened = bucket
	r.parking.mu.Unlock()
	b.publish("payments.success", "1")
	<-bucket.asked
	if n, _ := r.consumers[0].hand.size(); n != 0 {
		t.Errorf("%d events are in hand, and kept alive, that were given back", n)
	}
	close(bucket.answer)
	eventually(t, "it to be put off", func() bool { return r.count(bridge.Retried) == 1 })
}

// TestNotesGoByTheServersClock: the machine that reads one may have another time
// than the one that wrote it. An event that has come back by itself may be in
// hand, and one that has not is to be brought back.
func TestNotesGoByTheServersClock(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	js, server := b.dial(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	provision(t, js, testSettings())
	p := &parking{js: js, stream: "EVENTS", bucket: "makebridge", now: func() time.Time { return server }, log: b.logger()}
	back, err := js.Conn().SubscribeSync("back")
	if err != nil {
		t.Fatal(err)
	}
	it := &item{id: identity{1, time.Now().UnixNano()}, msg: &nats.Msg{Reply: "back"}}
	for _, tt := range []struct {
		after time.Duration
		waits bool
	}{
		{4 * time.Minute, true},
		{5*time.Minute - mostEarly, false}, // it is about to come by itself
		{6 * time.Minute, false},
	} {
		if p.park(t.Context(), "payments", it, 5*time.Minute) == 0 {
			t.Fatal("no note was written")
		}
		server = server.Add(tt.after)
		n, err := p.bringBack(t.Context(), "payments")
		if err != nil || (n == 1) != tt.waits || notes(t, kv) != 0 {
			t.Errorf("%s later: %d brought back, %v, %d notes left", tt.after, n, err, notes(t, kv))
		}
		if !tt.waits {
			continue
		}
		if m, err := back.NextMsg(patience); err != nil || string(m.Data) != nak {
			t.Errorf("the server hears %v, %v", m, err)
		}
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
