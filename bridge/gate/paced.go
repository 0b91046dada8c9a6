package gate

import (
	"context"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Paced is a Gate that tells how long requests wait for the pace of their
// destination. Each of the routes that share a destination has its own.
type Paced struct {
	*Gate
	told paced
}

// Paced returns the same gate with a function that is told of each wait for the
// pace: not of holds, nor of pauses while NATS is away. It may be called by
// several goroutines and must not block. Destinations without a limit cause no
// calls.
func (g *Gate) Paced(told func(time.Duration)) *Paced { return &Paced{g, told} }

// Enter is Gate.Enter.
func (p *Paced) Enter(ctx context.Context, d *bridge.Destination, m bridge.Message) (bridge.Pass, error) {
	return p.enter(ctx, d, m, p.told)
}

// Again is Gate.Again.
func (p *Paced) Again(ctx context.Context, d *bridge.Destination) error {
	return p.again(ctx, d, p.told)
}

// paced is told of the time that a request waited for the pace.
type paced func(time.Duration)

func unpaced(time.Duration) {}

// take takes an instant of the pacer and tells how long that took.
func (told paced) take(ctx context.Context, p *pacer, wanted func() bool) error {
	if p.limit.IsZero() {
		return ctx.Err()
	}
	start := time.Now()
	err := p.take(ctx, wanted)
	told(time.Since(start))
	return err
}
