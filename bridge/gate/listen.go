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
// revision of the record that the watch tells of; deaf says why the session has
// to begin anew.
func (s *Shared) listen(ctx context.Context) (deaf <-chan error, heard func(revision uint64), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	found, echoes := make(chan error, 1), make(chan uint64, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		found <- s.untilDeaf(ctx, echoes)
	}()
	heard = func(revision uint64) {
		select {
		case <-echoes: // an earlier one that nobody waits for
		default:
		}
		echoes <- revision
	}
	return found, heard, func() { cancel(); <-done }
}

// untilDeaf returns once the watch is silent, the bucket gone, or ctx done.
func (s *Shared) untilDeaf(ctx context.Context, echoes <-chan uint64) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-s.moved:
		}
		revision, err := s.beat(ctx)
		if err == nil {
			err = echo(ctx, echoes, revision)
		} else {
			err = s.missing(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// missing looks for the bucket after a record was not written. A bucket without
// a leader takes nothing from any replica, so nothing is missed: what is held is
// held, and who learns that a destination is to be held says so later.
func (s *Shared) missing(ctx context.Context, failed error) error {
	if _, err := s.find(ctx); errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("%w: %w", failed, err)
	}
	s.cfg.Logger.Debug("the bucket takes no changes", "error", failed)
	return nil
}

// echo waits until the watch has told of a revision.
func echo(ctx context.Context, echoes <-chan uint64, revision uint64) error {
	timeout := time.NewTimer(echoTimeout)
	defer timeout.Stop()
	for {
		select {
		case heard := <-echoes:
			if heard >= revision {
				return nil
			}
		case <-timeout.C:
			return errDeaf
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
