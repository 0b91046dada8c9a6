package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// askingBucket is to a bucket what askingJetStream is to JetStream.
type askingBucket struct {
	jetstream.KeyValue
	*refusals
}

func (b *askingBucket) stream() string { return "KV_" + b.Bucket() }

func (b *askingBucket) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	return askFor(ctx, b.refusals, func(ctx context.Context) (jetstream.KeyValueEntry, error) {
		return b.KeyValue.Get(ctx, key)
	}, getSubjects(b.stream())...)
}

func (b *askingBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	subject := "$KV." + b.Bucket() + "." + key
	return askFor(ctx, b.refusals, func(ctx context.Context) (uint64, error) {
		return b.KeyValue.Update(ctx, key, value, revision)
	}, subject, "$JS.API."+subject)
}

func (b *askingBucket) Watch(ctx context.Context, keys string, options ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	return b.WatchFiltered(ctx, []string{keys}, options...)
}

func (b *askingBucket) WatchFiltered(ctx context.Context, keys []string, options ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	parent := ctx
	ctx, answered := b.while(ctx, "$JS.API.CONSUMER.CREATE."+b.stream())
	context.AfterFunc(parent, answered)
	watcher, err := b.KeyValue.WatchFiltered(ctx, keys, options...)
	return watcher, refusalOf(ctx, err)
}
