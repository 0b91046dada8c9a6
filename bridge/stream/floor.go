package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// floorEvery is how often a floor is noted while events are settled, and
	// so how much is delivered again when a consumer is deleted.
	floorEvery = 5 * time.Second
	// floorTimeout bounds reading or writing one note.
	floorTimeout = 2 * time.Second
	// floorAttempts is how often a note is tried that another replica writes
	// at the same time.
	floorAttempts = 3
)

// floor is how far a route's consumer has got: everything up to Sequence is
// settled.
type floor struct {
	Sequence uint64 `json:"sequence"`
	// Created is when the stream was created. A stream that was deleted and
	// created again counts from 1.
	Created time.Time `json:"created"`
}

// of reports whether the floor is one of this stream as it is now. A floor
// beyond the stream's end is of an end that the server has lost, by a crash or
// by restoring a backup: the same sequences will be other events.
func (f floor) of(stream *jetstream.StreamInfo) bool {
	return f.Created.Equal(stream.Created) && f.Sequence <= stream.State.LastSeq
}

// floors are notes of how far consumers have got, so that one which somebody
// deletes is created again from there. They are in the bucket that replicas
// share, one key for each route: floor.<route>. Whoever wants a route to begin
// anew deletes its note along with its consumer.
//
// A note is behind the consumer by some seconds, and a floor knows nothing of
// what was settled out of order above it: events are delivered again, and none
// is skipped.
type floors struct {
	js             jetstream.JetStream
	stream, bucket string
}

func floorKey(route string) string { return "floor." + route }

// known returns the floor of a route in the stream as it is now. It reports
// false where none is noted, and returns ErrBucketNotFound where nothing is.
func (f floors) known(ctx context.Context, route string) (at floor, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, floorTimeout)
	defer cancel()
	kv, err := f.open(ctx)
	if err != nil {
		return floor{}, false, err
	}
	at, revision, err := f.read(ctx, kv, route)
	if err != nil || revision == 0 {
		return floor{}, false, err
	}
	// The stream is asked after the note was read: it can only have grown.
	s, err := f.js.Stream(ctx, f.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return floor{}, false, nil
	}
	if err != nil {
		return floor{}, false, fmt.Errorf("look up stream %s: %w", f.stream, err)
	}
	return at, at.of(s.CachedInfo()), nil
}

// note writes how far the consumer of a route has got. A note of one stream
// never goes back, whoever else writes at the same time, unless the stream
// itself does.
func (f floors) note(ctx context.Context, route string) error {
	ctx, cancel := context.WithTimeout(ctx, floorTimeout)
	defer cancel()
	kv, err := f.open(ctx)
	if err != nil {
		return err
	}
	for range floorAttempts {
		err = f.raise(ctx, kv, route)
		if !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			break
		}
	}
	return err
}

// raise is one attempt to write a note. The order of its questions matters:
// what is asked later can only have grown, and belongs to the same stream or
// to a later one.
func (f floors) raise(ctx context.Context, kv jetstream.KeyValue, route string) error {
	noted, revision, err := f.read(ctx, kv, route)
	if err != nil {
		return err
	}
	s, err := f.js.Stream(ctx, f.stream)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", f.stream, err)
	}
	c, err := f.js.Consumer(ctx, f.stream, route)
	if err != nil {
		return fmt.Errorf("look up consumer %s: %w", route, err)
	}
	stream, at := s.CachedInfo(), c.CachedInfo().AckFloor.Stream
	if revision > 0 && noted.of(stream) && noted.Sequence >= at {
		return nil
	}
	value, err := json.Marshal(floor{at, stream.Created})
	if err != nil {
		return err
	}
	if revision == 0 {
		_, err = kv.Create(ctx, floorKey(route), value)
	} else {
		_, err = kv.Update(ctx, floorKey(route), value, revision)
	}
	return wrap("write "+floorKey(route), err)
}

func (f floors) open(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := f.js.KeyValue(ctx, f.bucket)
	if err != nil {
		return nil, explain(fmt.Errorf("look up bucket %s: %w", f.bucket, err), "$JS.API.STREAM.INFO.KV_"+f.bucket)
	}
	return kv, nil
}

// read returns a note and its revision, which is 0 where there is none.
func (f floors) read(ctx context.Context, kv jetstream.KeyValue, route string) (at floor, revision uint64, err error) {
	e, err := kv.Get(ctx, floorKey(route))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return floor{}, 0, nil
	}
	if err != nil {
		err = fmt.Errorf("read %s in bucket %s: %w", floorKey(route), f.bucket, err)
		return floor{}, 0, explain(err, "$JS.API.DIRECT.GET.KV_"+f.bucket+".>")
	}
	if err := json.Unmarshal(e.Value(), &at); err != nil {
		return floor{}, e.Revision(), nil //nolint:nilerr // a note that cannot be read is of no stream
	}
	return at, e.Revision(), nil
}

// floorKeeper notes how far the consumer of one route has got, from time to
// time as long as this replica settles events.
type floorKeeper struct {
	floors   floors
	route    string
	observer Observer
	log      *slog.Logger
	news     atomic.Bool   // something was settled since the last note
	wake     chan struct{} // has one in it when there may be news
}

func newFloorKeeper(f floors, route string, o Observer, log *slog.Logger) *floorKeeper {
	return &floorKeeper{floors: f, route: route, observer: o, log: log, wake: make(chan struct{}, 1)}
}

// Settled is told of every event that this replica has settled.
func (k *floorKeeper) Settled(route string, m bridge.Message, v bridge.Verdict) {
	k.hasNews()
	k.observer.Settled(route, m, v)
}

func (k *floorKeeper) hasNews() {
	if k.news.Load() || k.news.Swap(true) {
		return // whoever noted that has woken it
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run notes until ctx is done. The first note is made at once: a consumer that
// is new and begins with new events has got somewhere before its first event.
// The next are made so long after the news that others of the same time are in.
func (k *floorKeeper) run(ctx context.Context) {
	k.news.Store(true)
	for {
		k.note(ctx)
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(floorEvery):
		}
	}
}

// note writes how far the consumer has got, if there is news. What cannot be
// written is tried again with the next.
func (k *floorKeeper) note(ctx context.Context) {
	if !k.news.Swap(false) {
		return
	}
	if err := k.floors.note(ctx, k.route); err != nil {
		k.hasNews()
		k.log.Debug("how far the consumer has got is not noted", "error", err)
	}
}
