package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// fullDLQ keeps letters from being stored until makeRoom is called.
func (b *bed) fullDLQ(s Settings) (makeRoom func()) {
	full := wantLetters(s)
	full.MaxMsgs, full.Discard = 1, jetstream.DiscardNew
	b.updateStream(full)
	b.publish("dlq.another", "letter")
	return func() { b.updateStream(wantLetters(s)) }
}

// occupy leaves no event room to wait for its letter until free is called.
func (r *replica) occupy() (free func()) {
	u := r.consumers[0].settler.unstored
	add := func(n int) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.events += n
	}
	add(mostInHand)
	return func() { add(-mostInHand) }
}

// TestEventsWithoutALetterAreBounded: those that cannot wait in hand for their letters
// are put off, others flow on, and nothing is posted twice by one replica.
func TestEventsWithoutALetterAreBounded(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	b.delay = func(int) time.Duration { return 500 * time.Millisecond }
	settings := testSettings()
	var handled atomic.Int32
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		handled.Add(1)
		if len(m.Body) > 100 {
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected, Error: "canary"}
		}
		return accept(ctx, m)
	}, testRoute(t, "payments", 4))
	makeRoom := b.fullDLQ(settings)

	const size, good = 900 << 10, 20
	const bad = mostBytes/size + 20
	body := strings.Repeat("x", size)
	for i := range bad {
		b.publish("payments.success", fmt.Sprint(i, " ", body))
	}
	for range good {
		b.publish("payments.success", "1")
	}
	eventually(t, "events to be put off, and others to flow", func() bool {
		_, bytes := r.consumers[0].hand.size()
		return r.count(bridge.Delivered) == good && r.count(bridge.Retried) >= 2*20 && bytes <= mostBytes
	})
	if n := r.count(bridge.DeadLettered); n != 0 {
		t.Fatalf("%d are dead-lettered: the stream was not full", n)
	}
	if n := strings.Count(b.logs.String(), "wait for their dead letters as may"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}

	makeRoom()
	b.settled("payments")
	times := map[string]int{}
	for _, l := range b.letters() {
		id, _, _ := strings.Cut(string(l.Data), " ")
		times[id]++
	}
	for i := range bad {
		if n := times[fmt.Sprint(i)]; n != 1 {
			t.Errorf("letter %d is stored %d times, want once", i, n)
		}
	}
	if n := handled.Load(); n != bad+good {
		t.Errorf("%d handled, want %d: handled again though the verdict was known", n, bad+good)
	}
	eventually(t, "the notes to be removed", func() bool { return notes(t, kv) == 0 })
	eventually(t, "all the room to be free", func() bool {
		u := r.consumers[0].settler.unstored
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.events == 0 && u.bytes == 0
	})
	if strings.Contains(b.logs.String(), "canary") {
		t.Error("the log tells what the webhook answered")
	}
}

// TestEventPutOffWithoutALetterIsAnothersToo: whoever it comes to handles it.
func TestEventPutOffWithoutALetterIsAnothersToo(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.createBucket()
	b.delay = func(int) time.Duration { return 2 * time.Second }
	settings := testSettings()
	first := b.run(settings, reject, testRoute(t, "payments", 1))
	defer first.occupy()()
	makeRoom := b.fullDLQ(settings)
	b.publish("payments.success", "bad")
	eventually(t, "the event to be put off", func() bool { return first.count(bridge.Retried) > 0 })
	first.stop()
	makeRoom()
	second := b.run(settings, reject, testRoute(t, "payments", 1))
	b.settled("payments")
	eventually(t, "the other replica's observer to be told", func() bool { return second.count(bridge.DeadLettered) == 1 })
}

// TestEventPutOffWithoutALetterComesBackInTime: before the stream takes it.
func TestEventPutOffWithoutALetterComesBackInTime(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	b.delay = func(int) time.Duration { return time.Hour }
	settings := testSettings()
	settings.MaxAge = 10 * time.Second
	r := b.run(settings, reject, testRoute(t, "payments", 1))
	free := r.occupy()
	makeRoom := b.fullDLQ(settings)
	b.publish("payments.success", "bad")
	eventually(t, "the event to be put off", func() bool { return r.count(bridge.Retried) > 0 })
	free()
	makeRoom()
	eventually(t, "the letter", func() bool { return len(b.letters()) == 2 })
}

// TestMarkOfACrashedEventOutlivesItsBeingPutOff: wherever it comes next, it is not
// handled.
func TestMarkOfACrashedEventOutlivesItsBeingPutOff(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	b.delay = func(int) time.Duration { return time.Second }
	settings := testSettings()
	b.run(settings, accept, testRoute(t, "payments", 1)).stop() // the consumer is there
	giveBack := b.suspected(kv, "bad", mark{Process: "dead", Handling: true, Suspect: true, Deaths: mostDeaths - 1})
	handle := func(ctx context.Context, m bridge.Message) bridge.Verdict {
		t.Error("handled")
		return accept(ctx, m)
	}
	r := b.run(settings, handle, testRoute(t, "payments", 1))
	r.occupy()
	makeRoom := b.fullDLQ(settings)
	giveBack()
	eventually(t, "the event to be put off twice", func() bool { return r.count(bridge.Retried) > 1 })
	r.stop()
	makeRoom()
	b.run(settings, handle, testRoute(t, "payments", 1))
	b.settled("payments")
	eventually(t, "the mark to be removed", func() bool { return len(marks(t, kv)) == 0 })
	for _, l := range b.letters() {
		if l.Subject != "dlq.another" && l.Header.Get("Makebridge-Reason") != "crashed" {
			t.Errorf("letter with the headers %v", l.Header)
		}
	}
}
