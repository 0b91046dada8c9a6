package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
)

const (
	// probeSpare is what a probe may take beyond its request.
	probeSpare = 5 * time.Second
	// mostEvidence is how often at most a destination that works is noted.
	mostEvidence = 10 * time.Second
	// holdsTimeout is how long a start waits for the present holds at a time.
	holdsTimeout = 5 * time.Second
)

// newGate returns the gate that this replica, which id names, shares with the
// others.
func newGate(cfg *config.Config, js jetstream.JetStream, id string, log *slog.Logger, o *rotation, told reports) *gate.Shared {
	host, _ := os.Hostname() // only for people to read
	replica := gate.Replica{Version: programVersion(), Host: host, Started: time.Now().UTC()}
	probe := time.Duration(0)
	for _, r := range cfg.Routes {
		replica.Routes = append(replica.Routes, r.Name)
		probe = max(probe, r.Timeout)
	}
	return gate.NewShared(js, sharedBucket(cfg), replica, gate.Config{
		Replica: id, HoldAfter: cfg.Hold.After, HoldMin: cfg.Hold.Min, HoldMax: cfg.Hold.Max,
		ProbeLife: probe + probeSpare, EvidenceEvery: evidenceEvery(cfg.Retry.RedeliveryDelays),
		Held: told.held, Recovered: told.recovered, Released: o.released, Destinations: o.destinations, Logger: log,
	})
}

// evidenceEvery is often enough that a failing event finds evidence which is
// younger than its previous delivery.
func evidenceEvery(delays []time.Duration) time.Duration {
	every := mostEvidence
	for _, d := range delays {
		every = min(every, d/4)
	}
	return every
}

// runGate keeps the gate in step until stop is called, which is after the last
// event was settled: answers are learned from until then.
func runGate(ctx context.Context, g *gate.Shared) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	return func() { cancel(); <-done }
}

// awaitHolds waits until the present holds are known: no replica takes an
// event before that.
func awaitHolds(ctx context.Context, g *gate.Shared) error {
	select {
	case <-g.Ready():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(holdsTimeout):
		if err := g.Trouble(); err != nil {
			return fmt.Errorf("the holds of destinations are not known yet: %w", err)
		}
		return errors.New("the holds of destinations are not known yet")
	}
}
