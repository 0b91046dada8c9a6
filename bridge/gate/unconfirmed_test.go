package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// forgetful is a store that loses the confirmation of its first removal.
type forgetful struct {
	*memory
	lost bool
}

func (s *forgetful) remove(ctx context.Context, key string, revision uint64) error {
	err := s.memory.remove(ctx, key, revision)
	if err == nil && !s.lost {
		s.lost = true
		return errors.New("no answer in time")
	}
	return err
}

// TestReleaseWhoseConfirmationIsLostBringsBack: the hold is gone, and whoever
// removed it is the only one to bring back what waits for a redelivery.
func TestReleaseWhoseConfirmationIsLostBringsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &forgetful{memory: newMemory()}
		released := 0
		c := testConfig("a")
		c.Released = func(context.Context, string) { released++ }
		g := newGate(c, s)
		s.watchers = append(s.watchers, g)
		g.stop.resume()
		d := destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), delivered)
		if !s.lost || g.Held(d) || released != 1 {
			t.Errorf("confirmation lost: %t, held: %t, events brought back %d times, want once", s.lost, g.Held(d), released)
		}
	})
}
