package gate

import (
	"context"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// slack stretches the window, so that requests that set out a little after
// their turn still keep the limit by the other side's clock.
const slack = 50

// pacer lets a limited number of requests through in any sliding window: each
// takes the place of the one that many requests before it.
type pacer struct {
	window time.Duration

	mu    sync.Mutex
	turns []time.Time // the latest, a ring
	next  int
}

// newPacer returns the pacer of a limit, nil where there is none.
func newPacer(l bridge.Limit) *pacer {
	if l.IsZero() {
		return nil
	}
	return &pacer{window: l.Window + l.Window/slack, turns: make([]time.Time, l.Requests)}
}

// take waits for the next turn. Its only error is ctx's; the turn is then lost.
func (p *pacer) take(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.turns[p.next].Add(p.window)
	if turn.Before(now) {
		turn = now
	}
	p.turns[p.next] = turn
	p.next = (p.next + 1) % len(p.turns)
	p.mu.Unlock()
	if !turn.After(now) {
		return nil
	}
	t := time.NewTimer(turn.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
