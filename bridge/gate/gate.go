// Package gate decides when a destination may be posted to: it holds those
// that ask for a pause or do not work, probes them, and keeps their pace.
package gate

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Config is what a Gate works with. Every field is required.
type Config struct {
	// HoldAfter is the number of different events whose deliveries must fail
	// one after another before the destination is held.
	HoldAfter int
	// HoldMin and HoldMax are how long a hold lasts before a probe: it begins
	// with HoldMin and doubles with each failed probe up to HoldMax, ±20 %.
	HoldMin, HoldMax time.Duration
	Logger           *slog.Logger
}

// Gate is the bridge.Gate of one process. It promises the limits within this
// process only.
type Gate struct {
	cfg  Config
	stop stopper

	mu    sync.RWMutex
	doors map[string]*door
}

// New returns a gate with nothing held.
func New(c Config) *Gate {
	return &Gate{cfg: c, doors: map[string]*door{}}
}

// Pause keeps every request from starting until Resume: the bridge has lost
// NATS, and could not acknowledge what it delivers.
func (g *Gate) Pause() { g.stop.pause() }

// Resume ends a Pause.
func (g *Gate) Resume() { g.stop.resume() }

// Enter waits while the gate is paused, the destination is held, or its pace
// is used up, and returns the pass for one request. Its only error is ctx's.
func (g *Gate) Enter(ctx context.Context, d *bridge.Destination, m bridge.Message) (bridge.Pass, error) {
	o := g.door(d)
	for {
		if err := g.stop.wait(ctx); err != nil {
			return bridge.Pass{}, err
		}
		pass, err := o.admit(ctx)
		if err != nil {
			return pass, err
		}
		if err := o.pace.take(ctx); err != nil {
			o.leave(m, pass, bridge.Answer{Class: bridge.ClassInterrupted})
			return bridge.Pass{}, err
		}
		if pass.Probe || !o.isHeld() {
			return pass, nil
		}
	}
}

// Again waits for one more request under the same pass. It returns
// bridge.ErrHeld where the destination is held, and ctx's error.
func (g *Gate) Again(ctx context.Context, d *bridge.Destination) error {
	o := g.door(d)
	if err := g.stop.wait(ctx); err != nil {
		return err
	}
	if o.isHeld() {
		return bridge.ErrHeld
	}
	if err := o.pace.take(ctx); err != nil {
		return err
	}
	if o.isHeld() {
		return bridge.ErrHeld
	}
	return nil
}

// Leave learns from an answer: it holds the destination, holds it for longer,
// or releases it.
func (g *Gate) Leave(_ context.Context, d *bridge.Destination, m bridge.Message, p bridge.Pass, a bridge.Answer) {
	g.door(d).leave(m, p, a)
}

// Held reports whether the destination is held now.
func (g *Gate) Held(d *bridge.Destination) bool { return g.door(d).isHeld() }

// Works reports whether the destination has answered 2xx since then.
func (g *Gate) Works(d *bridge.Destination, since time.Time) bool {
	return g.door(d).worked.Load() > since.UnixNano()
}

func (g *Gate) door(d *bridge.Destination) *door {
	g.mu.RLock()
	o, ok := g.doors[d.URL.ID()]
	g.mu.RUnlock()
	if ok {
		return o
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if o, ok = g.doors[d.URL.ID()]; !ok {
		o = newDoor(g.cfg, d)
		g.doors[d.URL.ID()] = o
	}
	return o
}
