package replay

import (
	"context"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// pace spreads what is begun evenly over time. A nil pace does not wait.
type pace struct {
	interval time.Duration
	next     time.Time
}

func newPace(l bridge.Limit) *pace {
	if l.IsZero() {
		return nil
	}
	return &pace{interval: l.Window / time.Duration(l.Requests)}
}

// wait waits for the time of the next one, and reports false if ctx or ended is
// done before.
func (p *pace) wait(ctx context.Context, ended <-chan struct{}) bool {
	if p == nil {
		return true
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	timer := time.NewTimer(p.next.Sub(now))
	defer timer.Stop()
	p.next = p.next.Add(p.interval)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-ended:
		return false
	}
}
