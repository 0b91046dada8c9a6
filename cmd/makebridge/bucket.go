package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/stream"
)

// sharedBucket is the bucket that the replicas share.
func sharedBucket(cfg *config.Config) gate.BucketConfig {
	return gate.BucketConfig{Name: cfg.Stream.Bucket, Replicas: cfg.Stream.Replicas, Provision: cfg.Stream.Provision}
}

// withBucket adds to what there is to do about streams and consumers what there
// is to do about the bucket, between the two.
func withBucket(ctx context.Context, js jetstream.JetStream, b gate.BucketConfig, changes []stream.Change) []stream.Change {
	c := stream.Change{Kind: stream.KindBucket, Name: b.Name, Action: stream.ActionNone}
	exists, err := b.Exists(ctx, js)
	switch {
	case err != nil:
		c.Action, c.Err = stream.ActionBlocked, err
	case !exists:
		c.Action, c.Differences = stream.ActionCreate, []string{fmt.Sprintf("replicas %d", b.Replicas)}
	default:
		c = withMarkers(ctx, js, b, c)
	}
	at := slices.IndexFunc(changes, func(c stream.Change) bool { return c.Kind == stream.KindConsumer })
	if at < 0 {
		at = len(changes)
	}
	return slices.Insert(changes, at, c)
}

// withMarkers adds that the bucket keeps the markers of removed keys, if it does.
func withMarkers(ctx context.Context, js jetstream.JetStream, b gate.BucketConfig, c stream.Change) stream.Change {
	keeps, err := b.KeepsMarkers(ctx, js)
	switch {
	case err != nil:
		c.Action, c.Err = stream.ActionBlocked, err
	case keeps:
		c.Action, c.Differences = stream.ActionUpdate, []string{"markers of removed keys unlimited → 1m"}
		c.Dangers = []string{"the markers of removed keys stay for ever, some for each event that is put off; run makebridge setup, or nats kv edit " +
			b.Name + " --marker-ttl=1m"}
	}
	return c
}
