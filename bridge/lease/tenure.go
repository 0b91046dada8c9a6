package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Tenure is the time for which this replica owns a key. It is safe for
// concurrent use.
type Tenure struct {
	kv     jetstream.KeyValue
	key    string
	life   time.Duration
	record record
	value  []byte
	log    *slog.Logger
	// unheard: there was no record at all of a predecessor.
	unheard bool
	// crashed and heard tell of the predecessor.
	crashed bool
	heard   time.Time

	over chan struct{}
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	revision uint64
	renewed  time.Time // when the last renewal that succeeded was begun
}

// Holds reports whether this replica owns the key now. It is false while the
// last renewal is too long ago, which may pass, and once the tenure is over. A
// process that is stopped between this answer and what it does by it is not
// protected.
func (t *Tenure) Holds() bool {
	select {
	case <-t.over:
		return false
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.renewed) < t.life-t.life/4
}

// Over is closed when somebody else has taken the key, or removed it.
func (t *Tenure) Over() <-chan struct{} { return t.over }

// Predecessor tells of an owner that did not release the key: when it was heard
// at the latest, by this machine's clock. It reports false where there was none.
func (t *Tenure) Predecessor() (heard time.Time, crashed bool) { return t.heard, t.crashed }

// Release writes that the key is free, so that a standby has it at once. It says
// nothing where the tenure is over; the error is that of NATS, and then the lease
// expires instead. Release and Abandon may be called more than once.
func (t *Tenure) Release(ctx context.Context) error {
	t.Abandon()
	select {
	case <-t.over:
		return nil
	default:
	}
	err := t.free(ctx)
	if isConflict(err) && t.recover(ctx) { // the last renewal was not confirmed
		err = t.free(ctx)
	}
	if err == nil || isConflict(err) {
		return nil
	}
	return fmt.Errorf("release %s: %w", t.key, err)
}

func (t *Tenure) free(ctx context.Context) error {
	r := t.record
	r.Released = true
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err = t.kv.Update(ctx, t.key, value, t.revision)
	return err
}

// settle waits until an owner whose record somebody has removed, with the bucket
// or without, must have found that out. It reports false where the tenure did
// not last that long, or ctx did not.
func (t *Tenure) settle(ctx context.Context, wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-t.over:
	case <-ctx.Done():
	}
	return false
}

// Abandon stops renewing; the lease expires by itself.
func (t *Tenure) Abandon() {
	t.stop()
	<-t.done
}

// start renews the lease until it is given up or over.
func (t *Tenure) start(interval time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	t.stop, t.done, t.over = cancel, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(t.done)
		defer cancel()
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !t.renew(ctx) {
				t.log.Warn("somebody else owns the route now")
				close(t.over)
				return
			}
		}
	}()
}

// renew reports false once somebody else has the key. Any other trouble passes.
func (t *Tenure) renew(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, min(requestTimeout, t.life/2))
	defer cancel()
	t.mu.Lock()
	revision := t.revision
	t.mu.Unlock()
	begun := time.Now()
	next, err := t.kv.Update(ctx, t.key, t.value, revision)
	switch {
	case err == nil:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.revision, t.renewed = next, begun
	case isConflict(err):
		return t.recover(ctx)
	case isRefused(err):
		return t.look(ctx, begun, revision)
	default:
		t.log.Debug("lease not renewed", "error", err)
	}
	return true
}

// look renews a lease that the server refuses to write, as where its storage is full:
// nobody else can write it either as long as that lasts, and who does afterwards starts
// nothing before what is in hand here is back. It reports false as renew does.
func (t *Tenure) look(ctx context.Context, begun time.Time, revision uint64) bool {
	e, err := t.kv.Get(ctx, t.key)
	if err != nil {
		return !errors.Is(err, jetstream.ErrKeyNotFound)
	}
	if e.Revision() != revision {
		return t.recover(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewed = begun
	return true
}

// recover finds out who has written the key: this tenure, whose renewal was not
// confirmed, or somebody else.
func (t *Tenure) recover(ctx context.Context) bool {
	e, err := t.kv.Get(ctx, t.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false
	}
	if err != nil {
		return true // not known yet
	}
	var owner record
	if err := json.Unmarshal(e.Value(), &owner); err != nil || owner.Tenure != t.record.Tenure {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.revision = max(t.revision, e.Revision())
	return true
}

// learnAge finds out for how long the predecessor had been silent, by the
// server's clock: both times are its own. Where that fails, what this replica
// has seen itself is later, and so on the safe side.
func (t *Tenure) learnAge(ctx context.Context, heard time.Time) {
	e, err := t.kv.Get(ctx, t.key)
	if err != nil || e.Revision() != t.revision {
		return
	}
	if at := time.Now().Add(-e.Created().Sub(heard)); at.Before(t.heard) {
		t.heard = at
	}
}
