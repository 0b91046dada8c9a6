package gate

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Config is what a Gate works with. Every field but Held, Recovered, Released
// and Destinations is required.
type Config struct {
	// Replica names this process among the replicas.
	Replica string
	// HoldAfter is the number of different events whose deliveries must fail
	// one after another, in this replica, before the destination is held.
	HoldAfter int
	// HoldMin and HoldMax are how long a hold lasts before a probe: it begins
	// with HoldMin and doubles with each failed probe up to HoldMax, ±20 %.
	HoldMin, HoldMax time.Duration
	// ProbeLife is how long one request can take at most: after that a probe
	// whose replica has not been heard of is lost.
	ProbeLife time.Duration
	// EvidenceEvery is how often a destination that accepts events is noted
	// in the bucket.
	EvidenceEvery time.Duration
	// Held is called when a destination is held, and when a hold for another
	// reason turns out to be bridge.ClassMisconfigured; Recovered when it works
	// again, with its last hold and for how long it was held. Only the replica
	// that has changed the hold in the bucket calls, and not at all where NATS
	// did not confirm the change. Neither may block.
	Held      func(destination string, h Hold)
	Recovered func(destination string, h Hold, held time.Duration)
	// Released is called when this replica has released a destination.
	Released func(ctx context.Context, destination string)
	// Destinations returns where each route's events go now, for the replica's
	// record; see Shared.Moved.
	Destinations func() map[string]*bridge.Destination
	Logger       *slog.Logger
}

// Gate is the bridge.Gate that all replicas share. It lets nothing through
// until Run has read the present state.
type Gate struct {
	cfg   Config
	stop  stopper
	usage *usage
	clock *clock
	store store

	mu    sync.RWMutex
	doors map[string]*door
}

// newGate returns a gate over a store, paused.
func newGate(c Config, s store) *Gate {
	if c.Released == nil {
		c.Released = func(context.Context, string) {}
	}
	if c.Held == nil {
		c.Held = func(string, Hold) {}
	}
	if c.Recovered == nil {
		c.Recovered = func(string, Hold, time.Duration) {}
	}
	if c.Destinations == nil {
		c.Destinations = func() map[string]*bridge.Destination { return nil }
	}
	g := &Gate{cfg: c, usage: newUsage(), clock: &clock{}, store: s, doors: map[string]*door{}}
	g.stop.pause()
	return g
}

// Pause keeps every request from starting: the bridge has lost NATS, and could
// neither acknowledge what it delivers nor learn of holds. Run ends the pause
// when it knows the holds again.
func (g *Gate) Pause() { g.stop.pause() }

// Enter waits while the gate is paused, the destination is held, or its pace
// is used up, and returns the pass for one request. Its only error is ctx's.
func (g *Gate) Enter(ctx context.Context, d *bridge.Destination, m bridge.Message) (bridge.Pass, error) {
	return g.enter(ctx, d, m, unpaced)
}

// Again waits for one more request under the same pass. It returns
// bridge.ErrHeld where the destination is held, and ctx's error.
func (g *Gate) Again(ctx context.Context, d *bridge.Destination) error {
	return g.again(ctx, d, unpaced)
}

func (g *Gate) enter(ctx context.Context, d *bridge.Destination, m bridge.Message, told paced) (bridge.Pass, error) {
	o := g.door(d)
	for {
		g.usage.note()
		if err := g.stop.wait(ctx); err != nil {
			return bridge.Pass{}, err
		}
		pass, err := o.admit(ctx, m)
		if err != nil {
			return pass, err
		}
		// Those who wait for the pace as a hold begins would keep its probe waiting.
		err = told.take(ctx, o.pace(d), func() bool { return pass.Probe || !o.isHeld() })
		if errors.Is(err, errNotWanted) {
			continue
		}
		if err != nil {
			o.leave(ctx, m, pass, bridge.Answer{Class: bridge.ClassInterrupted})
			return bridge.Pass{}, err
		}
		switch paused := g.stop.paused.Load(); {
		case !paused && (pass.Probe || !o.isHeld()):
			return pass, nil
		case pass.Probe: // NATS was lost as it waited for the pace
			o.leave(context.WithoutCancel(ctx), m, pass, bridge.Answer{Class: bridge.ClassInterrupted})
		}
	}
}

func (g *Gate) again(ctx context.Context, d *bridge.Destination, told paced) error {
	o := g.door(d)
	for {
		g.usage.note()
		if err := g.stop.wait(ctx); err != nil {
			return err
		}
		if o.isHeld() {
			return bridge.ErrHeld
		}
		err := told.take(ctx, o.pace(d), func() bool { return !o.isHeld() })
		if err != nil && !errors.Is(err, errNotWanted) {
			return err
		}
		if err == nil && !o.isHeld() && !g.stop.paused.Load() {
			return nil
		}
	}
}

// Leave learns from an answer: it holds the destination, holds it for longer,
// or releases it, for all replicas. It may take as long as NATS takes to
// confirm, whatever becomes of ctx, since the answer is worth knowing.
func (g *Gate) Leave(ctx context.Context, d *bridge.Destination, m bridge.Message, p bridge.Pass, a bridge.Answer) {
	g.door(d).leave(ctx, m, p, a)
}

// Held reports whether the destination is held now.
func (g *Gate) Held(d *bridge.Destination) bool { return g.door(d).isHeld() }

// Holding returns the hold of a destination, and false where it is not held.
func (g *Gate) Holding(d *bridge.Destination) (Hold, bool) {
	o := g.door(d)
	if !o.isHeld() {
		return Hold{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hold == nil {
		return Hold{}, false
	}
	return *o.hold, true
}

// Works reports whether the destination has answered 2xx since then, and since
// it was last released, as far as this replica knows.
func (g *Gate) Works(d *bridge.Destination, since time.Time) bool {
	o := g.door(d)
	return o.worked.Load() > max(g.clock.server(since).UnixNano(), o.opened.Load())
}

// Now returns the time by the NATS server's clock, as near as it is known: once
// Shared.Ready is closed, to within half the time that a request takes.
func (g *Gate) Now() time.Time { return g.clock.now() }

func (g *Gate) door(d *bridge.Destination) *door {
	id := d.URL.ID()
	g.mu.RLock()
	o, ok := g.doors[id]
	met := ok && o.destination != nil
	g.mu.RUnlock()
	if met {
		return o
	}
	o = g.doorOf(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	if o.destination == nil {
		o.meet(d)
	}
	return o
}

// doorOf returns the door that the bucket speaks of.
func (g *Gate) doorOf(id string) *door {
	g.mu.Lock()
	defer g.mu.Unlock()
	o, ok := g.doors[id]
	if !ok {
		o = g.newDoor(id)
		g.doors[id] = o
	}
	return o
}
