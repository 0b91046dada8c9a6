package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// askingStream is to a stream what askingJetStream is to JetStream.
type askingStream struct {
	jetstream.Stream
	*refusals
	name string
}

func (s *askingStream) Info(ctx context.Context, options ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return askFor(ctx, s.refusals, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.Stream.Info(ctx, options...)
	}, "$JS.API.STREAM.INFO."+s.name)
}

func (s *askingStream) GetMsg(ctx context.Context, sequence uint64, options ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return askFor(ctx, s.refusals, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.Stream.GetMsg(ctx, sequence, options...)
	}, getSubjects(s.name)...)
}

func (s *askingStream) Consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	return askFor(ctx, s.refusals, func(ctx context.Context) (jetstream.Consumer, error) {
		return s.Stream.Consumer(ctx, name)
	}, "$JS.API.CONSUMER.INFO."+s.name+"."+name)
}

func (s *askingStream) CreateConsumer(ctx context.Context, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return askFor(ctx, s.refusals, func(ctx context.Context) (jetstream.Consumer, error) {
		return s.Stream.CreateConsumer(ctx, c)
	}, "$JS.API.CONSUMER.CREATE."+s.name)
}

func (s *askingStream) DeleteConsumer(ctx context.Context, name string) error {
	_, err := askFor(ctx, s.refusals, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.Stream.DeleteConsumer(ctx, name)
	}, "$JS.API.CONSUMER.DELETE."+s.name)
	return err
}

func (s *askingStream) ListConsumers(ctx context.Context) jetstream.ConsumerInfoLister {
	parent := ctx
	ctx, answered := s.while(ctx, "$JS.API.CONSUMER.LIST."+s.name)
	context.AfterFunc(parent, answered)
	return &askingConsumers{s.Stream.ListConsumers(ctx), ctx}
}

// askingConsumers tells a refusal as its error.
type askingConsumers struct {
	jetstream.ConsumerInfoLister
	ctx context.Context //nolint:containedctx // its cause is the error
}

func (l *askingConsumers) Err() error { return refusalOf(l.ctx, l.ConsumerInfoLister.Err()) }

// getSubjects are where a message of a stream may be asked for.
func getSubjects(stream string) []string {
	return []string{"$JS.API.DIRECT.GET." + stream, "$JS.API.STREAM.MSG.GET." + stream}
}
