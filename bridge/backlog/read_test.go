package backlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"
)

func TestEveryUnsettledEventIsCountedOnce(t *testing.T) {
	b := newBed(t)
	payments := b.consumer("payments")
	b.consumer("tickets", func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 2 })
	b.consumer("somebody-elses", func(c *jetstream.ConsumerConfig) { c.Metadata = nil })
	b.publish("tickets.1", "payments.2", "payments.3", "redeliver.payments.payments.4", "payments.5", "payments.6", "payments.7", "payments.8")

	msgs := b.pull(payments, 5)
	b.must(nil, msgs[0].DoubleAck(t.Context()))              // 2
	b.must(nil, msgs[4].DoubleAck(t.Context()))              // 6; the floor stays at 2
	b.must(nil, msgs[3].NakWithDelay(time.Hour))             // 5
	b.park("payments", 5, time.Now().Add(time.Hour))         //
	b.park("payments", 4, time.Now().Add(-time.Millisecond)) // came back, and is in hand again
	tickets, err := b.js.Consumer(t.Context(), "EVENTS", "tickets")
	b.must(nil, err)
	b.pull(tickets, 1)
	b.pending("payments", 2)

	s := b.read()
	want := []Route{
		{
			Name: "payments", Known: true, NumPending: 2, AckPending: 3, MaxAckPending: 1000, Delayed: 1, Parked: 1, Pending: 4,
			Oldest: &Event{Sequence: 3},
		},
		{
			Name: "tickets", Known: true, AckPending: 1, MaxAckPending: 2, Pending: 1,
			Oldest: &Event{Sequence: 1},
		},
	}
	if diff := cmp.Diff(want, s.Routes, cmpopts.IgnoreFields(Event{}, "Published", "Expires")); diff != "" {
		t.Fatalf("routes (-want +got):\n%s", diff)
	}
	stored, err := msgs[1].Metadata()
	b.must(nil, err)
	if o := s.Routes[0].Oldest; !o.Published.Equal(stored.Timestamp) || !o.Expires.Equal(stored.Timestamp.Add(time.Hour)) {
		t.Errorf("the oldest was published at %s and expires at %s, want %s and an hour later", o.Published, o.Expires, stored.Timestamp)
	}
	if n := s.Routes[0].InHand(); n != 2 {
		t.Errorf("%d in hand, want 3 and 4", n)
	}
	if s.Routes[0].Full() || s.Routes[1].Full() {
		t.Error("full before it is")
	}
	b.publish("tickets.9")
	b.pull(tickets, 1)
	if r := b.read().Routes[1]; !r.Full() {
		t.Errorf("%d of %d handed out is not full", r.AckPending, r.MaxAckPending)
	}
	if s.At.Before(stored.Timestamp) || s.At.After(time.Now()) {
		t.Errorf("the state is of %s", s.At)
	}
}

func TestNothingUnsettledHasNoAge(t *testing.T) {
	b := newBed(t)
	payments := b.consumer("payments")
	b.publish("payments.1", "tickets.2")
	b.must(nil, b.pull(payments, 1)[0].DoubleAck(t.Context()))
	if diff := cmp.Diff(Route{Name: "payments", Known: true, MaxAckPending: 1000}, b.only()); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
}

func TestOldestIsFoundOverAllFiltersAndWithoutAny(t *testing.T) {
	b := newBed(t)
	b.publish("tickets.1", "redeliver.payments.payments.2", "payments.3")
	b.consumer("payments")
	if o := b.only().Oldest; o == nil || o.Sequence != 2 {
		t.Errorf("oldest %+v, want the one to be delivered again", o)
	}
	b.consumer("payments", func(c *jetstream.ConsumerConfig) { c.Durable, c.FilterSubjects = "everything", nil })
	if o := b.read().Routes[0].Oldest; o == nil || o.Sequence != 1 {
		t.Errorf("oldest %+v, want the first", o)
	}
	b.consumer("payments", func(c *jetstream.ConsumerConfig) {
		c.Durable, c.FilterSubjects, c.FilterSubject = "one-filter", nil, "payments.>"
	})
	if o := b.read().Routes[1].Oldest; o == nil || o.Sequence != 3 {
		t.Errorf("oldest %+v, want the third", o)
	}
}

// TestNotesCountWhileTheyAreDue: what was brought back, is due, or was removed
// does not wait any more, and no more can wait than was handed out.
func TestNotesCountWhileTheyAreDue(t *testing.T) {
	b := newBed(t)
	payments := b.consumer("payments")
	for n := range 20 {
		b.publish(fmt.Sprint("payments.", n))
	}
	b.pull(payments, 12)
	later := time.Now().Add(time.Hour)
	for n := range 10 {
		b.park("payments", n, later)
	}
	b.must(nil, b.kv.Purge(t.Context(), "parked.payments.0-17c", jetstream.PurgeTTL(time.Minute)))
	b.must(nil, b.kv.Purge(t.Context(), "parked.payments.1-17c"))
	b.must(nil, b.kv.Delete(t.Context(), "parked.payments.2-17c"))
	b.park("payments", 3, time.Now().Add(-time.Hour))
	b.must(b.kv.PutString(t.Context(), "parked.payments.4-17c", "not JSON"))
	b.park("payments", 5, later.Add(time.Hour)) // put off again
	b.park("tickets", 5, later)
	b.pending("payments", 8)
	if r := b.only(); r.Delayed != 5 || r.Parked != 5 || r.Pending != 15 {
		t.Errorf("%d are delayed, %d parked, %d pending; want 5, 5 and 15", r.Delayed, r.Parked, r.Pending)
	}
	for n := range 15 {
		b.park("payments", n, later)
	}
	if r := b.only(); r.Delayed != 12 || r.Pending != 8 || r.InHand() != 0 {
		t.Errorf("%d are delayed of %d that were handed out", r.Delayed, r.AckPending)
	}
}

// TestWithoutABucket of that name what is in it is not known; ping, of which
// nothing depends on it, takes that for nothing.
func TestWithoutABucket(t *testing.T) {
	b := newBed(t)
	b.consumer("payments")
	b.must(nil, b.js.DeleteKeyValue(t.Context(), "makebridge"))
	const missing = "bucket makebridge does not exist: is BRIDGE_BUCKET right?"
	if s := b.read(); s.SharedErr == nil || s.SharedErr.Error() != missing || len(s.Routes) != 1 || len(s.Replicas)+len(s.Holds) > 0 {
		t.Errorf("state %+v", s)
	}
	if held, err := HeldRoutes(t.Context(), b.js, b.config()); err == nil || err.Error() != missing || len(held) > 0 {
		t.Errorf("holds %v, %v", held, err)
	}
	if held, err := Held(t.Context(), b.js, "makebridge", []string{"abc"}); err != nil || len(held) > 0 {
		t.Errorf("holds %v, %v", held, err)
	}
}

func TestMissingStreamIsAnError(t *testing.T) {
	b := newBed(t)
	c := b.config()
	c.Stream = "OTHER"
	_, err := Read(t.Context(), b.js, c)
	if err == nil || !strings.Contains(err.Error(), "stream OTHER does not exist") || !strings.Contains(err.Error(), "BRIDGE_STREAM") {
		t.Errorf("error %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(done, b.js, b.config()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that is over", err)
	}
}

func TestPausedConsumer(t *testing.T) {
	b := newBed(t)
	b.consumer("payments")
	s, err := b.js.Stream(t.Context(), "EVENTS")
	b.must(nil, err)
	b.must(s.PauseConsumer(t.Context(), "payments", time.Now().Add(time.Hour)))
	if p := b.only().PausedFor; p <= 0 || p > time.Hour {
		t.Errorf("paused for %s", p)
	}
}
