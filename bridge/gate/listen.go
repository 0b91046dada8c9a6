package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// echoTimeout is how long after the bucket has stored a record the watch may
// take to tell of it.
const echoTimeout = 2 * time.Second

// errDeaf ends a session whose watch tells of nothing any more.
var errDeaf = errors.New("changes are not heard of")

// listen has this replica write its record again and again and expect to hear
// of it, until stop is called: the server that serves a watch may be gone
// without the one that this replica is connected to, and the client itself
// finds out after some ten seconds at best. heard is to be called with each
// entry of the record that the watch tells of; deaf says why the session has
// to begin anew.
func (s *Shared) listen(ctx context.Context) (deaf <-chan error, heard func(entry), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	found, echoes := make(chan error, 1), make(chan entry, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		found <- s.untilDeaf(ctx, echoes)
	}()
	heard = func(e entry) {
		select {
		case <-echoes: // an earlier one that nobody waits for
		default:
		}
		echoes <- e
	}
	return found, heard, func() { cancel(); <-done }
}

// untilDeaf returns once the watch is silent, the bucket gone, or ctx done.
func (s *Shared) untilDeaf(ctx context.Context, echoes <-chan entry) error {
	next, resting := time.NewTimer(heartbeat), false
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
		case <-s.moved:
		case <-s.usage.first:
			if !resting {
				continue // the next is due soon
			}
		}
		if err := s.expectEcho(ctx, echoes); err != nil {
			return err
		}
		resting = !s.usage.ask() && !s.holdsAny()
		if resting {
			next.Reset(restingHeartbeat)
		} else {
			next.Reset(heartbeat)
		}
	}
}

// expectEcho writes the record and waits until the watch has told of it, and of
// when the server stored it.
func (s *Shared) expectEcho(ctx context.Context, echoes <-chan entry) error {
	w, err := s.write(ctx)
	if err != nil {
		return s.missing(ctx, err)
	}
	stamped, err := echo(ctx, echoes, w.revision)
	if err == nil && !stamped.IsZero() {
		s.clock.learn(w.begin, w.end, stamped)
	}
	return err
}

// missing looks for the bucket after a record was not written. A bucket without
// a leader takes nothing from any replica, so nothing is missed: what is held is
// held, and who learns that a destination is to be held says so later.
func (s *Shared) missing(ctx context.Context, failed error) error {
	if _, err := s.bucket.find(ctx, s.js); errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("%w: %w", failed, err)
	}
	s.cfg.Logger.Debug("the bucket takes no changes", "error", failed)
	return nil
}

// echo waits until the watch has told of a revision, and returns when that was
// stored; zero if only a later one was told of.
func echo(ctx context.Context, echoes <-chan entry, revision uint64) (stamped time.Time, err error) {
	timeout := time.NewTimer(echoTimeout)
	defer timeout.Stop()
	for {
		select {
		case heard := <-echoes:
			if heard.revision == revision {
				stamped = heard.created
			}
			if heard.revision >= revision {
				return stamped, nil
			}
		case <-timeout.C:
			return stamped, errDeaf
		case <-ctx.Done():
			return stamped, ctx.Err()
		}
	}
}
