package stream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// floor returns how far a consumer had got that was deleted, and begins from
// there when it is created again, if that is noted.
func (b *backlog) floor(ctx context.Context, route string) (at floor, found bool, err error) {
	bucket := b.settings.Bucket
	err = b.ask(ctx, "look up where "+route+" had got to", "$JS.API.DIRECT.GET.KV_"+bucket+".>", func(ctx context.Context) (err error) {
		at, found, err = floors{b.js, b.settings.Stream, bucket}.known(ctx, route)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil
		}
		return err
	})
	return at, found, err
}

// above fills in what waits for a route above a sequence. The server counts
// events by subject alone: some of them may be below.
func (b *backlog) above(ctx context.Context, r *bridge.Route, floor uint64, w *Wait) (err error) {
	if w.Events, err = b.count(ctx, r); err != nil {
		return err
	}
	state := b.stream.CachedInfo().State
	w.Events = min(w.Events, state.LastSeq-min(floor, state.LastSeq))
	if err := b.age(ctx, r, floor+1, w); err != nil {
		return err
	}
	if w.Oldest.IsZero() { // nothing is above
		w.Events = 0
	}
	w.AtMost = w.Events > 0 && floor >= state.FirstSeq
	return nil
}
