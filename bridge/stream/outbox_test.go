package stream

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// newGatheringAcks returns acknowledgements that nobody confirms, and how many were
// sent.
func newGatheringAcks(o *outbox) (*acks, *atomic.Int64) {
	sent := new(atomic.Int64)
	send := func(*item, string) error { sent.Add(1); return nil }
	return &acks{send: send, outbox: o, log: slog.New(slog.DiscardHandler), waiting: map[uint64]*ack{}}, sent
}

// TestAcknowledgementsOfAMomentGoOutTogether: the first of them, whatever its route,
// waits for none, and the others for each other.
func TestAcknowledgementsOfAMomentGoOutTogether(t *testing.T) {
	o := newOutbox(time.Hour)
	payments, paid := newGatheringAcks(o)
	tickets, filed := newGatheringAcks(o)
	var done outcomes
	for range 3 {
		payments.start(testItem(), done.done)
		tickets.start(testItem(), done.done)
	}
	if paid.Load() != 1 || filed.Load() != 0 {
		t.Errorf("%d and %d sent at once, want the first alone", paid.Load(), filed.Load())
	}
	o.send()
	if paid.Load() != 3 || filed.Load() != 3 {
		t.Errorf("%d and %d sent after the moment, want all three of each", paid.Load(), filed.Load())
	}
	payments.start(testItem(), done.done)
	if paid.Load() != 3 {
		t.Error("the next moment does not begin as the last is sent")
	}
	payments.end()
	if paid.Load() != 4 || done.givenUp.Load() != 4 {
		t.Errorf("%d sent and %d given up at the end, want 4", paid.Load(), done.givenUp.Load())
	}
}

// TestAcknowledgementThatComesLateGathersForAMoment as any other: that it was begun
// long before the last one makes its moment no longer.
func TestAcknowledgementThatComesLateGathersForAMoment(t *testing.T) {
	a, sent := newGatheringAcks(newOutbox(time.Millisecond))
	a.outbox.sent = time.Now().Add(time.Hour)
	if !a.outbox.gather(&ack{of: a, it: testItem()}, time.Now()) {
		t.Fatal("not gathered")
	}
	eventually(t, "it to be sent", func() bool { return sent.Load() == 1 })
}

// TestAcknowledgementsGatherForAMoment: whatever comes when, nothing stays behind.
func TestAcknowledgementsGatherForAMoment(t *testing.T) {
	a, sent := newGatheringAcks(newOutbox(time.Millisecond))
	var done outcomes
	for n := range int64(200) {
		a.start(testItem(), done.done)
		if n%20 == 0 {
			eventually(t, "what has gathered to be sent", func() bool { return sent.Load() == n+1 })
		}
	}
	eventually(t, "the last to be sent", func() bool { return sent.Load() == 200 })
}

// TestAcknowledgementsAreRepeatedWhileOthersAreBegun as the connection comes back:
// each is sent, and the race detector has nothing to say.
func TestAcknowledgementsAreRepeatedWhileOthersAreBegun(t *testing.T) {
	a, sent := newGatheringAcks(newOutbox(time.Millisecond))
	a.nc = newBed(t, embedded.Config{}).dial().Conn()
	const events = 1000
	var done outcomes
	var beginning sync.WaitGroup
	for range 2 {
		beginning.Go(func() {
			for range events / 2 {
				a.start(testItem(), done.done)
			}
		})
	}
	for again := true; again; {
		a.repeat(time.Now(), true)
		a.mu.Lock()
		again = len(a.waiting) < events
		a.mu.Unlock()
	}
	beginning.Wait()
	a.end()
	if sent.Load() < events || done.givenUp.Load() != events {
		t.Errorf("%d sent and %d given up, want %d at least and %d", sent.Load(), done.givenUp.Load(), events, events)
	}
}
