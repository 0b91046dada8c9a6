package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestOrderOfEachKeyIsKeptByReplicasThatComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	j := newJournal()
	handle := j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		<-time.After(time.Duration(rand.IntN(8)) * time.Millisecond)
		if m.Delivery == 1 && m.Sequence%7 == 0 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 30 * time.Millisecond}
		}
		return accept(context.Background(), m)
	})
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, b.run(testSettings(), handle, orderedRoute(t, bridge.OrderingKey, 4)))
	}
	const keys, events = 8, 20
	for n := range events {
		for k := range keys {
			b.publish("payments.success", keyed(fmt.Sprint("key-", k), n))
		}
		if n == 5 || n == 12 {
			o := owner(t, replicas...)
			o.stop()
			for i, r := range replicas {
				if r == o {
					replicas[i] = b.run(testSettings(), handle, orderedRoute(t, bridge.OrderingKey, 4))
				}
			}
		}
	}
	b.settled("payments")
	j.check(t)
	if n := len(j.names()); n < keys*events {
		t.Errorf("%d deliveries of %d events", n, keys*events)
	}
}

func TestStrictHasOneInFlight(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	j := newJournal()
	all := func(string) string { return "" }
	handle := j.watch(all, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery < 3 && m.Sequence%10 == 0 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Millisecond}
		}
		return accept(context.Background(), m)
	})
	b.run(testSettings(), handle, orderedRoute(t, bridge.OrderingStrict, 8))
	b.run(testSettings(), handle, orderedRoute(t, bridge.OrderingStrict, 8))
	var want []string
	for n := range 60 {
		name := fmt.Sprintf("key-%d/%d", n%5, n)
		want = append(want, name)
		if seq := b.publish("payments.success", keyed(fmt.Sprint("key-", n%5), n)); seq%10 == 0 {
			want = append(want, name, name)
		}
	}
	b.settled("payments")
	j.check(t)
	if diff := cmp.Diff(want, j.names()); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

func TestFailedHeadKeepsOnlyItsKeyWaiting(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	settings := testSettings()
	settings.AckWait = 3 * time.Second // the last delay is longer: it is kept alive
	j := newJournal()
	var deliveries []int
	b.run(settings, j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if nameOf(m) != "bad/0" {
			return accept(context.Background(), m)
		}
		deliveries = append(deliveries, m.Delivery)
		if m.Delivery < 4 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: []time.Duration{0, 50, 100, 8000}[m.Delivery] * time.Millisecond}
		}
		if !j.has("good/9") {
			t.Error("another key has waited for it")
		}
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 2))
	for n := range 10 {
		b.publish("payments.success", keyed("bad", n))
		b.publish("payments.success", keyed("good", n))
	}
	b.settled("payments")
	j.check(t)
	if diff := cmp.Diff([]int{1, 2, 3, 4}, deliveries); diff != "" {
		t.Errorf("delivery counts (-want +got):\n%s", diff)
	}
	if last := j.names()[len(j.names())-1]; last != "bad/9" {
		t.Errorf("%s is the last", last)
	}
	eventually(t, "the note to be gone", func() bool { return notes(t, kv) == 0 })
}

// TestWaitingHeadIsBroughtBackByAnyReplica: also in a strict route, which has
// no reason to pull while its head waits, and by a replica that does not own it.
func TestWaitingHeadIsBroughtBackByAnyReplica(t *testing.T) {
	t.Parallel()
	for _, ordering := range []bridge.Ordering{bridge.OrderingKey, bridge.OrderingStrict} {
		t.Run(ordering.String(), func(t *testing.T) {
			t.Parallel()
			b := newBed(t, embedded.Config{})
			b.createBucket()
			settings := testSettings()
			settings.AckWait = 10 * time.Minute
			j := newJournal()
			handle := j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
				if nameOf(m) == "key/0" && m.Delivery == 1 {
					return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
				}
				return accept(context.Background(), m)
			})
			first := b.run(settings, handle, orderedRoute(t, ordering, 2))
			owner(t, first)
			second := b.run(settings, handle, orderedRoute(t, ordering, 2))
			for n := range 50 {
				b.publish("payments.success", keyed("key", n))
			}
			eventually(t, "the head to wait", func() bool { return first.Routes()[0].Blocked == 1 })
			second.BringBack(t.Context(), "payments")
			b.settled("payments")
			j.check(t)
			if second.count(bridge.Delivered) > 0 {
				t.Error("delivered by a replica that does not own the route")
			}
		})
	}
}

func TestOwnerThatLosesItsLeaseStartsNothingMore(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	j := newJournal()
	began, answer := make(chan bridge.Message, 1), make(chan struct{})
	var once sync.Once
	r := b.run(settings, j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		once.Do(func() { began <- m; <-answer })
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 4))
	for n := range 5 {
		b.publish("payments.success", keyed("key", n))
	}
	m := <-began
	if m.Lost() {
		t.Fatal("lost from the beginning")
	}
	eventually(t, "its successors in hand", func() bool { return r.Routes()[0].InHand == 5 })
	// Another replica takes the route: its record is not rewritten, so it is
	// gone after its life, and the route comes back.
	if _, err := kv.Put(t.Context(), "owner.payments", []byte(`{"replica":"other","tenure":"other","life":10000000000}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owner to notice", func() bool { return !r.Routes()[0].Owned })
	if !m.Lost() {
		t.Error("another request may be sent of the event in flight")
	}
	if in := r.Routes()[0]; in.InHand != 1 || in.Running != 1 {
		t.Errorf("in hand %+v, want the event in flight", in)
	}
	close(answer)
	eventually(t, "the event in flight to be settled", func() bool { return b.consumer("payments").AckFloor.Stream == 1 })
	if n := len(j.names()); n != 1 {
		t.Errorf("%d started by a replica that does not own the route", n-1)
	}
	b.settled("payments") // when the route is its own again
	j.check(t)
}

func TestEventInFlightKeepsItsKeyWaitingInTheNextTenure(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	settings := testSettings()
	settings.AckWait = time.Second
	j := newJournal()
	began, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := b.run(settings, j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		once.Do(func() { close(began); <-answer })
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 4))
	b.publish("payments.success", keyed("key", 0))
	b.publish("payments.success", keyed("key", 1))
	<-began
	if err := kv.Delete(t.Context(), "owner.payments"); err != nil {
		t.Fatal(err)
	}
	// It owns the route again at once, with the first event still in flight.
	b.publish("payments.success", keyed("other", 0))
	eventually(t, "another key in the next tenure", func() bool { return j.has("other/0") })
	if j.has("key/1") {
		t.Error("an event began before its predecessor was done")
	}
	if !r.Routes()[0].Owned {
		t.Error("the route is not its own again")
	}
	close(answer)
	b.settled("payments")
	j.check(t)
}

func TestHeldGateIsLeftByAnOwnerThatLosesItsLease(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	waiting := make(chan struct{}, 1)
	r := b.run(testSettings(), func(ctx context.Context, _ bridge.Message) bridge.Verdict {
		waiting <- struct{}{}
		<-ctx.Done() // as at a held gate
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, orderedRoute(t, bridge.OrderingKey, 4))
	b.publish("payments.success", keyed("key", 0))
	<-waiting
	if _, err := kv.Put(t.Context(), "owner.payments", []byte(`{"replica":"other","life":3600000000000}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event to be let go", func() bool { return r.Routes()[0].InHand == 0 })
}

func TestCapOfAnOrderedRouteIsSaid(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	var mended atomic.Bool
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		if keyOf(nameOf(m)) == "bad" && !mended.Load() {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		}
		return accept(context.Background(), m)
	}, orderedRoute(t, bridge.OrderingKey, 64))
	const events = mostInHand + 200
	for n := range events {
		if _, err := b.client().PublishAsync("payments.success", []byte(keyed("bad", n)), jetstream.WithStallWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	<-b.client().PublishAsyncComplete()
	b.publish("payments.success", keyed("good", 0))
	eventually(t, "the cap to be reached", func() bool { return r.Routes()[0].Full })
	eventually(t, "the warning", func() bool {
		return strings.Contains(b.logs.String(), "as many events in hand as an ordered route may have")
	})
	want := RouteState{Route: "payments", Ordering: bridge.OrderingKey, Owned: true, InHand: mostInHand, Blocked: 1, Full: true}
	if diff := cmp.Diff(want, r.Routes()[0]); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	mended.Store(true)
	r.BringBack(t.Context(), "payments") // although nothing more is pulled
	b.settled("payments")
	if n := strings.Count(b.logs.String(), "as many events in hand as an ordered route may have"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if s := r.Routes()[0]; s.Full {
		t.Error("still at the cap")
	}
}

func TestEventsInLanesBecomeLettersBeforeTheStreamTakesThem(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.MaxAge, settings.AckWait = 20*time.Second, time.Second
	const events = 30
	var posted atomic.Int32
	rest := make(chan struct{})
	end := sync.OnceFunc(func() { close(rest) })
	defer end()
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if nameOf(m) == "key-0/0" { // a request that does not end until all others are letters
			posted.Add(1)
			<-rest
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		}
		if context.Cause(ctx) == bridge.ErrExpiring { //nolint:errorlint // it is the cause itself
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Expired}
		}
		posted.Add(1)
		return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
	}, orderedRoute(t, bridge.OrderingKey, 4))
	for n := range events {
		b.publish("payments.success", keyed(fmt.Sprint("key-", n%3), n))
	}
	eventually(t, "all to be in hand", func() bool { return posted.Load() >= 3 && r.Routes()[0].InHand == events })
	if n := posted.Load(); n != 3 { // one that follows a head which has expired may be posted
		t.Errorf("%d posted before the first expired, want the heads", n)
	}
	eventually(t, "those behind the first to be letters", func() bool { return r.count(bridge.DeadLettered) == events-1 })
	end()
	b.settled("payments")
	eventually(t, "the observer to be told of all", func() bool { return r.count(bridge.DeadLettered) == events })
	if n := len(b.letters()); n != events {
		t.Errorf("%d letters, want %d", n, events)
	}
}

func TestEventThatIsRemovedDoesNotBlockItsKeyForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = time.Second
	removed := make(chan struct{})
	r := b.run(settings, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if nameOf(m) == "key/0" {
			<-removed
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Millisecond}
		}
		return accept(context.Background(), m)
	}, orderedRoute(t, bridge.OrderingKey, 2))
	seq := b.publish("payments.success", keyed("key", 0))
	b.publish("payments.success", keyed("key", 1))
	eventually(t, "both in hand", func() bool { return r.Routes()[0].InHand == 2 })
	s, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMsg(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	close(removed)
	eventually(t, "its successor", func() bool { return r.count(bridge.Delivered) == 1 })
	eventually(t, "it to be let go", func() bool { return r.Routes()[0].InHand == 0 })
}

// TestSuccessorWaitsForItsPredecessorsLetter: a bridge that is killed before the
// letter is stored would post the predecessor again, after its successor. Others
// have its slot meanwhile.
func TestSuccessorWaitsForItsPredecessorsLetter(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	j := newJournal()
	r := b.run(testSettings(), j.watch(keyOf, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if nameOf(m) == "bad/0" {
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}
		}
		return accept(context.Background(), m)
	}), orderedRoute(t, bridge.OrderingKey, 1))
	if err := b.client().DeleteStream(t.Context(), "EVENTS_DLQ"); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		b.publish("payments.success", keyed("bad", n))
		b.publish("payments.success", keyed("good", n))
	}
	eventually(t, "the other key", func() bool { return r.count(bridge.Delivered) == 3 })
	if j.has("bad/1") {
		t.Error("its successor did not wait")
	}
	eventually(t, "the state to tell", func() bool {
		s := r.Routes()[0]
		return s.InHand == 3 && s.Blocked == 1 && s.Running == 0
	})
	if _, err := b.client().CreateStream(t.Context(), wantLetters(testSettings())); err != nil {
		t.Fatal(err)
	}
	b.settled("payments")
	j.check(t)
}

func TestLeastPermissionsAreEnoughForAnOrderedRoute(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, leastPermissions))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	b.createBucket()
	js := b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge"))
	r := b.runUnbound(js, testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Millisecond}
		}
		return accept(context.Background(), m)
	}, orderedRoute(t, bridge.OrderingKey, 2))
	eventually(t, "the route to be bound", func() bool { return len(r.Unready()) == 0 })
	for n := range 5 {
		b.publish("payments.success", keyed("key", n))
	}
	b.settled("payments")
	r.stop()
	if strings.Contains(strings.ToLower(b.logs.String()), "permission") {
		t.Errorf("permissions are missing: %s", b.logs)
	}
}
