package stream

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// watchLife is how long one watch is trusted: one of a bucket that was
	// deleted and created again says nothing more.
	watchLife = time.Minute
	// watchPause is the time before a watch is tried again.
	watchPause = time.Second
)

// follow calls removed for each note of a route that is removed, with the
// revision of the removal, until ctx is done. It may miss some: an event that is
// given back comes back all the same, only later.
func (p *parking) follow(ctx context.Context, route string, removed func(id identity, revision uint64)) {
	for ctx.Err() == nil {
		if err := p.watch(ctx, route, removed); err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}

// watch follows removals for a while.
func (p *parking) watch(ctx context.Context, route string, removed func(id identity, revision uint64)) error {
	kv, err := p.open(ctx)
	if err != nil {
		return err
	}
	watch, err := kv.Watch(ctx, "parked."+route+".>", jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return err
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	end := time.NewTimer(watchLife)
	defer end.Stop()
	for {
		select {
		case e, ok := <-watch.Updates():
			if !ok {
				return context.Canceled
			}
			if e == nil || e.Operation() == jetstream.KeyValuePut {
				continue
			}
			if id, ok := parkedEvent(e.Key(), route); ok {
				removed(id, e.Revision())
			}
		case <-end.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// parkedEvent is the inverse of parkingKey.
func parkedEvent(key, route string) (identity, bool) {
	event, ok := strings.CutPrefix(key, "parked."+route+".")
	sequence, published, cut := strings.Cut(event, "-")
	if !ok || !cut {
		return identity{}, false
	}
	s, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil {
		return identity{}, false
	}
	p, err := strconv.ParseInt(published, 16, 64)
	return identity{s, p}, err == nil
}
