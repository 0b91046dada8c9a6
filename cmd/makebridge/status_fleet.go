package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// fleet asks the replicas alive what only they know. It answers with those that
// have answered when ctx is done; that nobody has is no error.
type fleet func(ctx context.Context, nc *nats.Conn) ([]fleetReplica, error)

// fleetReplica is what a replica says of itself.
type fleetReplica struct {
	ID, Version, Host string
	Started           time.Time
	Routes            []fleetRoute
}

// fleetRoute is what a replica says of a route that it serves.
type fleetRoute struct {
	Name                                  string
	DeliveredLastMinute, FailedLastMinute uint64
	InHand                                int
}

// askFleet asks nobody: replicas do not answer for themselves.
func askFleet(context.Context, *nats.Conn) ([]fleetReplica, error) { return nil, nil }
