package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// mostDeaths is how often a process may end while it handles one event,
	// alone among suspects, before that becomes a dead letter.
	mostDeaths = 3
	// lookTimeout bounds looking for the mark of an event, markTimeout writing
	// one: a request that has been let through sets out no later for it than
	// the pace tolerates, beside what it is late by itself.
	lookTimeout = time.Second
	markTimeout = 100 * time.Millisecond
	// marklessFor is how long a bucket that was out of reach is left alone.
	marklessFor = time.Second
	// mostProving bounds how long a process proves that it lives, before it
	// tries an event that is blamed for a death.
	mostProving = 30 * time.Second
)

// suspects finds out which event's handling ends the process. Before each step
// of an event's later deliveries that may do so, it puts a mark into the bucket
// that replicas share, suspect.<route>.<event>, and removes it after the step.
// A mark of another process, found when the event is delivered again, was left
// by one that died meanwhile: its event is a suspect, and handled as
// bridge.Caution has it.
//
// What the bucket does not take is not marked, and no event waits for it.
type suspects struct {
	bucket  func(context.Context) (jetstream.KeyValue, error)
	process string // names this process in its marks
	// proven is when this process has lived so long that it may try an event
	// that is blamed: one that dies young, whatever it does, blames nobody.
	proven time.Time
	turn   bridge.Slot // of the suspect that is handled
	log    *slog.Logger

	markless atomic.Int64 // until when nothing is marked, Unix nanoseconds
}

func newSuspects(bucket func(context.Context) (jetstream.KeyValue, error), process string, ackWait time.Duration, log *slog.Logger) *suspects {
	return &suspects{
		bucket: bucket, process: process, log: log,
		// An event comes back an ack wait after the process that had it died.
		proven: time.Now().Add(min(ackWait/2, mostProving)),
	}
}

// look returns the caution that an event needs which was delivered before.
func (s *suspects) look(ctx context.Context, route string, it *item) *caution {
	c := &caution{suspects: s, key: eventKey("suspect", route, it.id)}
	e, err := s.read(ctx, c.key)
	if err != nil || e == nil {
		return c
	}
	m, err := decodeMark(e.Value())
	if err != nil {
		return c // of another version: as if there were none
	}
	c.revision = e.Revision()
	c.suspect, c.deaths = m.blame(s.process)
	if c.suspect {
		s.log.Warn("a process ended while it handled an event, which is now handled with caution", "route", route,
			"sequence", it.Sequence, "subject", it.Subject, "delivery", it.Delivery, "blamed", c.deaths)
	}
	return c
}

// read returns a mark, or nil where there is none.
func (s *suspects) read(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	var e jetstream.KeyValueEntry
	err := s.try(ctx, lookTimeout, func(ctx context.Context, kv jetstream.KeyValue) (err error) {
		e, err = kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			e, err = nil, nil
		}
		return err
	})
	return e, err
}

// errMarkless says that the bucket was out of reach a moment ago.
var errMarkless = errors.New("the bucket is out of reach")

// try does something with the bucket. Where that takes too long or fails, the
// bucket is left alone for a while, so that no event waits for it again.
func (s *suspects) try(ctx context.Context, timeout time.Duration, do func(context.Context, jetstream.KeyValue) error) error {
	if time.Now().UnixNano() < s.markless.Load() {
		return errMarkless
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	kv, err := s.bucket(ctx)
	if err == nil {
		err = do(ctx, kv)
	}
	if err != nil {
		s.markless.Store(time.Now().Add(marklessFor).UnixNano())
		s.log.Debug("events are not marked as they are handled", "for", marklessFor, "error", err)
	}
	return err
}
