package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// askingJetStream puts its questions to JetStream so that a missing permission
// ends each at once. Those that no command puts are JetStream's own.
type askingJetStream struct {
	jetstream.JetStream
	*refusals
}

func (j *askingJetStream) wrap(s jetstream.Stream, err error) (jetstream.Stream, error) {
	if err != nil {
		return nil, err
	}
	return &askingStream{s, j.refusals, s.CachedInfo().Config.Name}, nil
}

func (j *askingJetStream) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return j.wrap(askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Stream, error) {
		return j.JetStream.Stream(ctx, name)
	}, "$JS.API.STREAM.INFO."+name))
}

func (j *askingJetStream) CreateStream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	return j.wrap(askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Stream, error) {
		return j.JetStream.CreateStream(ctx, c)
	}, "$JS.API.STREAM.CREATE."+c.Name))
}

func (j *askingJetStream) UpdateStream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	return j.wrap(askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Stream, error) {
		return j.JetStream.UpdateStream(ctx, c)
	}, "$JS.API.STREAM.UPDATE."+c.Name))
}

func (j *askingJetStream) StreamNames(ctx context.Context, options ...jetstream.StreamListOpt) jetstream.StreamNameLister {
	parent := ctx
	ctx, answered := j.while(ctx, "$JS.API.STREAM.NAMES")
	context.AfterFunc(parent, answered)
	return &askingStreamNames{j.JetStream.StreamNames(ctx, options...), ctx}
}

// askingStreamNames tells a refusal as its error.
type askingStreamNames struct {
	jetstream.StreamNameLister
	ctx context.Context //nolint:containedctx // its cause is the error
}

func (l *askingStreamNames) Err() error { return refusalOf(l.ctx, l.StreamNameLister.Err()) }

func (j *askingJetStream) Consumer(ctx context.Context, stream, name string) (jetstream.Consumer, error) {
	return askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Consumer, error) {
		return j.JetStream.Consumer(ctx, stream, name)
	}, "$JS.API.CONSUMER.INFO."+stream+"."+name)
}

func (j *askingJetStream) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Consumer, error) {
		return j.JetStream.CreateConsumer(ctx, stream, c)
	}, "$JS.API.CONSUMER.CREATE."+stream)
}

func (j *askingJetStream) UpdateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.Consumer, error) {
		return j.JetStream.UpdateConsumer(ctx, stream, c)
	}, "$JS.API.CONSUMER.CREATE."+stream)
}

func (j *askingJetStream) KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	kv, err := askFor(ctx, j.refusals, func(ctx context.Context) (jetstream.KeyValue, error) {
		return j.JetStream.KeyValue(ctx, bucket)
	}, "$JS.API.STREAM.INFO.KV_"+bucket)
	if err != nil {
		return nil, err
	}
	return &askingBucket{kv, j.refusals}, nil
}
