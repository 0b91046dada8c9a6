package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestCleanStopHandsAnOrderedRouteOverAtOnce: with an ack wait of ten minutes,
// whatever was in hand: failed, in flight, waiting for its turn.
func TestCleanStopHandsAnOrderedRouteOverAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = 10 * time.Minute
	j := newJournal()
	inFlight, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first := b.run(settings, j.watch(keyOf, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		switch keyOf(nameOf(m)) {
		case "failed":
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		case "flying":
			once.Do(func() { close(inFlight) })
			<-answer
			return accept(context.Background(), m)
		}
		<-ctx.Done() // as at a held gate
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}), orderedRoute(t, bridge.OrderingKey, 3))
	owner(t, first)
	var want []string
	for n := range 5 {
		for _, key := range []string{"failed", "flying", "held"} {
			b.publish("payments.success", keyed(key, n))
			if key != "flying" || n > 0 {
				want = append(want, fmt.Sprint(key, "/", n))
			}
		}
	}
	<-inFlight
	eventually(t, "all to be in hand", func() bool { s := first.Routes()[0]; return s.InHand == 15 && s.Blocked == 1 })
	var got []string
	second := b.run(settings, j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		got = append(got, nameOf(m))
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 1))
	stopped := make(chan struct{})
	go func() { first.stop(); close(stopped) }()
	eventually(t, "the rest to be given back", func() bool { return first.Routes()[0].InHand == 1 })
	if second.Routes()[0].Owned {
		t.Error("taken over before everything was settled")
	}
	close(answer)
	<-stopped
	b.settled("payments")
	j.check(t)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delivered by the successor (-want +got):\n%s", diff)
	}
}

// TestCrashedOwnersEventsComeFirst: new events are there for the taking, and
// wait until those come back that the dead replica had in hand.
func TestCrashedOwnersEventsComeFirst(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	b.grace = time.Millisecond
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	first := b.run(settings, func(ctx context.Context, _ bridge.Message) bridge.Verdict {
		<-ctx.Done()
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, orderedRoute(t, bridge.OrderingKey, 2))
	owner(t, first)
	at := time.Now() // the server has handed out nothing yet
	for n := range 6 {
		b.publish("payments.success", keyed("key", n))
	}
	eventually(t, "all to be in hand", func() bool { return first.Routes()[0].InHand == 6 })
	j := newJournal()
	var deliveries []int
	second := b.run(settings, j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if len(deliveries) == 0 && time.Since(at) < settings.AckWait {
			t.Error("began before the ack wait was over")
		}
		deliveries = append(deliveries, m.Delivery)
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 2))
	first.crash()
	for n := 6; n < 20; n++ {
		b.publish("payments.success", keyed("key", n))
	}
	b.settled("payments")
	j.check(t)
	if diff := cmp.Diff([]int{2, 2, 2, 2, 2, 2}, deliveries[:6]); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	eventually(t, "all to be told of", func() bool { return second.count(bridge.Delivered) == 20 })
}

// TestOrderOutlivesAnOutageLongerThanTheAckWait: what is in hand is not the
// server's any more, which hands it out anew; nothing begins meanwhile.
func TestOrderOutlivesAnOutageLongerThanTheAckWait(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = time.Second
	j := newJournal()
	handle := j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		<-time.After(5 * time.Millisecond)
		if m.Delivery == 1 && m.Sequence%5 == 0 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 100 * time.Millisecond}
		}
		return accept(context.Background(), m)
	})
	replicas := []*replica{
		b.run(settings, handle, orderedRoute(t, bridge.OrderingKey, 3)),
		b.run(settings, handle, orderedRoute(t, bridge.OrderingKey, 3)),
	}
	owner(t, replicas...)
	const keys, events = 5, 60
	for n := range events {
		for k := range keys {
			b.publish("payments.success", keyed(fmt.Sprint("key-", k), n))
		}
	}
	eventually(t, "some deliveries", func() bool { return len(j.names()) > keys*events/5 })
	b.server.Shutdown()
	<-time.After(2 * settings.AckWait)
	b.start()
	b.settled("payments")
	j.check(t)
	eventually(t, "all to be told of", func() bool {
		return replicas[0].count(bridge.Delivered)+replicas[1].count(bridge.Delivered) >= keys*events
	})
}

func TestEventsPutOffBeforeTheRouteKeptAnOrderComeFirst(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = 10 * time.Minute
	before := b.run(settings, func(context.Context, bridge.Message) bridge.Verdict {
		return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
	}, orderedRoute(t, bridge.OrderingNone, 4))
	for n := range 10 {
		b.publish("payments.success", keyed("key", n))
	}
	eventually(t, "all to be put off", func() bool { return before.count(bridge.Retried) == 10 })
	before.stop()
	j := newJournal()
	b.run(settings, j.watch(keyOf, accept), orderedRoute(t, bridge.OrderingKey, 4))
	b.publish("payments.success", keyed("key", 10))
	b.settled("payments")
	j.check(t)
	if first := j.names()[0]; first != "key/0" {
		t.Errorf("%s came first", first)
	}
}

// TestReplicaWithAnotherOrderingIsNotWaitedForForEver: it keeps an event alive
// that the owner waits for.
func TestReplicaWithAnotherOrderingIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = 6 * time.Second // longer than a stall of the machine
	holds, release := make(chan struct{}), make(chan struct{})
	b.run(settings, func(_ context.Context, m bridge.Message) bridge.Verdict {
		close(holds)
		<-release
		return accept(context.Background(), m)
	}, orderedRoute(t, bridge.OrderingNone, 1))
	b.publish("payments.success", keyed("key", 0))
	<-holds
	r := b.run(settings, accept, orderedRoute(t, bridge.OrderingKey, 4))
	owner(t, r)
	b.publish("payments.success", keyed("key", 1))
	eventually(t, "the next event", func() bool { return r.count(bridge.Delivered) == 1 })
	if !strings.Contains(b.logs.String(), "does a replica still run without this ordering?") {
		t.Error("nothing was said")
	}
	close(release)
	b.settled("payments")
}

func TestOrderedRouteOutlivesItsConsumerAndItsBucket(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = time.Second
	j := newJournal()
	handle := j.watch(keyOf, accept)
	replicas := []*replica{
		b.run(settings, handle, orderedRoute(t, bridge.OrderingKey, 2)),
		b.run(settings, handle, orderedRoute(t, bridge.OrderingKey, 2)),
	}
	delivered := func() int { return replicas[0].count(bridge.Delivered) + replicas[1].count(bridge.Delivered) }
	for n := range 10 {
		b.publish("payments.success", keyed("key", n))
	}
	eventually(t, "deliveries", func() bool { return delivered() == 10 })
	if err := b.client().DeleteKeyValue(t.Context(), settings.Bucket); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client().CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: settings.Bucket}); err != nil {
		t.Fatal(err)
	}
	for n := 10; n < 20; n++ {
		b.publish("payments.success", keyed("key", n))
	}
	b.settled("payments")
	j.check(t)
	b.deleteConsumer("payments")
	b.publish("payments.success", keyed("last", 0))
	eventually(t, "delivery after the consumer was deleted", func() bool { return j.has("last/0") })
}

// suspendable is a tenure that the test suspends.
type suspendable struct {
	suspended atomic.Bool
	over      chan struct{}
}

func (t *suspendable) Holds() bool                    { return !t.suspended.Load() }
func (t *suspendable) Over() <-chan struct{}          { return t.over }
func (t *suspendable) Predecessor() (time.Time, bool) { return time.Time{}, false }
func (t *suspendable) Release(context.Context) error  { return nil }
func (t *suspendable) Abandon()                       {}

// TestSuspendedTenureStartsNothing: what is in hand stays, and starts on the
// delivery that it has when the tenure goes on; also what was stopped before
// its first request.
func TestSuspendedTenureStartsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	tenure := &suspendable{over: make(chan struct{})}
	b.owning = func(context.Context, string, time.Duration) (Tenure, error) { return tenure, nil }
	j := newJournal()
	began, answer := make(chan struct{}), make(chan struct{})
	r := b.run(testSettings(), j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		switch nameOf(m) {
		case "first/0":
			close(began)
			<-answer
		case "stopped/0":
			if m.Lost() { // as the pipeline finds out
				return bridge.Verdict{Outcome: bridge.HandedBack}
			}
			<-answer
			if m.Lost() {
				return bridge.Verdict{Outcome: bridge.HandedBack}
			}
		}
		if m.Delivery != 1 {
			t.Errorf("%s is delivered again", nameOf(m))
		}
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 8))
	resume := sync.OnceFunc(func() { close(answer) })
	defer resume()
	for n := range 2 {
		b.publish("payments.success", keyed("first", n))
		b.publish("payments.success", keyed("stopped", n))
	}
	<-began
	eventually(t, "both to be in flight", func() bool { return j.has("stopped/0") })
	eventually(t, "all to be in hand", func() bool { return r.Routes()[0].InHand == 4 })
	tenure.suspended.Store(true)
	resume()
	eventually(t, "the first to be settled", func() bool { s := r.Routes()[0]; return s.InHand == 3 && s.Running == 0 })
	if n := len(j.names()); n != 2 {
		t.Errorf("%d started, want those before", n)
	}
	tenure.suspended.Store(false)
	b.settled("payments")
	j.check(t)
}

// TestUnsettledEventsKeepTheLease: a bridge whose time to stop is over leaves the
// route to nobody until the lease has run out.
func TestUnsettledEventsKeepTheLease(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	b.grace = time.Millisecond
	began, answer := make(chan struct{}), make(chan struct{})
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		close(began)
		<-answer
		return accept(context.Background(), m)
	}, orderedRoute(t, bridge.OrderingKey, 1))
	b.publish("payments.success", keyed("key", 0))
	<-began
	r.stop()
	e, err := kv.Get(t.Context(), "owner.payments")
	if err != nil || strings.Contains(string(e.Value()), `"released":true`) {
		t.Errorf("the lease is released: %v", err)
	}
	close(answer)
	eventually(t, "the handler to end", func() bool { return r.Routes()[0].Running == 0 })
}
