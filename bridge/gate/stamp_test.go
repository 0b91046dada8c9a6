package gate

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// behind is a bucket of a cluster: it is read from a server that has nothing at
// first, then an earlier revision, and at last what the leader has.
type behind struct {
	store
	answers []entry
}

func (b *behind) get(context.Context, string) (entry, error) {
	e := b.answers[0]
	b.answers = b.answers[1:]
	if e.revision == 0 {
		return entry{}, errNotFound
	}
	return e, nil
}

func TestClockIsNotSetByAServerThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		b := &behind{answers: []entry{{}, {revision: 7, created: now.Add(-heartbeat)}, {revision: 8, created: now}}}
		got, err := stamp(t.Context(), b, "replica.a", 8)
		if err != nil || !got.Equal(now) {
			t.Errorf("stamped %s, %v, want %s", got, err, now)
		}
	})
}

func TestStampThatNeverComesEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), stampPause/2)
		defer cancel()
		b := &behind{answers: []entry{{revision: 7}}}
		if _, err := stamp(ctx, b, "replica.a", 8); err == nil {
			t.Error("no error")
		}
	})
}

// TestHoldThatAServerDoesNotHaveYetIsHeardOfLater: another replica was quicker
// to hold, and the server that is asked about it is behind.
func TestHoldThatAServerDoesNotHaveYetIsHeardOfLater(t *testing.T) {
	bucket, d := newMemory(), destination(t, unlimitedPace)
	a := bucket.join(testConfig("a"))
	b := newGate(testConfig("b"), &behind{store: bucket, answers: []entry{{}}})
	b.stop.resume()
	passA, passB := mustEnter(t, a, d, 1), mustEnter(t, b, d, 2)
	a.Leave(t.Context(), d, message(1), passA, gone)
	b.Leave(t.Context(), d, message(2), passB, gone)
	there := bucket.entries["hold."+d.URL.ID()]
	tell(b, "hold."+d.URL.ID(), there)
	if o := b.door(d); o.revision != there.revision {
		t.Errorf("knows revision %d of the hold, want %d", o.revision, there.revision)
	}
}
