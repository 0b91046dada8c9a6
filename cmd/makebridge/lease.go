package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/lease"
	"github.com/makebridge/makebridge/bridge/stream"
)

// ownerPrefix begins the keys in the bucket that say which replica serves an
// ordered route.
const ownerPrefix = "owner."

// acquireLeases lets the replica of that id own the routes that keep an order.
func acquireLeases(cfg *config.Config, js jetstream.JetStream, replica string, log *slog.Logger) stream.Acquire {
	keeper := lease.New(lease.Config{JetStream: js, Bucket: cfg.Stream.Bucket, Replica: replica, Logger: log})
	return func(ctx context.Context, route string, life time.Duration) (stream.Tenure, error) {
		t, err := keeper.Acquire(ctx, ownerPrefix+route, life)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}
