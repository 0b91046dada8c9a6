package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/fleet"
)

// newFleetService returns this replica as others see it. It is asked only once
// the rotation knows every route and routes has an answer.
func newFleetService(cfg *config.Config, nc *nats.Conn, replica string, rotation *rotation, routes routeStates, log *slog.Logger) *fleet.Service {
	host, _ := os.Hostname() // only for people to read
	return fleet.New(fleet.Config{
		Conn: nc, ID: replica, Version: programVersion(), Host: host, Started: time.Now().UTC(), Routes: pointers(cfg.Routes),
		Destination: func(route string) *bridge.Destination { return rotation.pipelines[route].Destination() },
		State: func(route string) fleet.State {
			r := routes.of(route)
			return fleet.State{
				Ordering: r.Ordering.String(), InFlight: r.Running, InHand: r.InHand,
				Owner: r.Owned && r.Ordering != bridge.OrderingNone, Full: r.Full,
			}
		},
		Logger: log,
	})
}

// runFleetService answers until stop is called.
func runFleetService(ctx context.Context, s *fleet.Service) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return func() { cancel(); <-done }
}
