package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// errNoRoom ends the wait of an event for its letter: as many wait as may.
var errNoRoom = errors.New("no room to wait for its letter")

// unstored bounds what a replica has in hand of events that wait for their letters
// to be stored, on all its routes that keep no order: while the dead-letter stream is
// full or gone, nothing else would stop them from filling the memory, since they take
// no slots. An ordered route is bounded by what it has in hand.
type unstored struct {
	log *slog.Logger

	mu            sync.Mutex
	events, bytes int
	refused       error // why the last letter was not stored; nil: it was
	told          bool  // that the bound is reached
}

// waiter is one event that waits for its letter.
type waiter struct {
	room  *unstored
	bytes int
	in    bool // it counts
}

// wait has an event wait, if there is room. Call leave when it does no more.
func (u *unstored) wait(it *item) *waiter {
	w := &waiter{room: u, bytes: len(it.Body)}
	w.enter(false)
	return w
}

// enter counts an event, if there is room or it must, and reports whether it counts.
func (w *waiter) enter(must bool) bool {
	u := w.room
	u.mu.Lock()
	defer u.mu.Unlock()
	if w.in || !must && (u.events >= mostInHand || u.bytes+w.bytes > mostBytes) {
		return w.in
	}
	w.in = true
	u.events++
	u.bytes += w.bytes
	return true
}

// leave ends a wait.
func (w *waiter) leave() {
	u := w.room
	u.mu.Lock()
	defer u.mu.Unlock()
	if !w.in {
		return
	}
	w.in = false
	u.events--
	u.bytes -= w.bytes
	if u.events < mostInHand/2 && u.bytes < mostBytes/2 {
		u.told = false
	}
}

// hear notes what became of the last letter that was sent.
func (u *unstored) hear(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused = err
}

// trouble is why the last letter was not stored.
func (u *unstored) trouble() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.refused
}

// full says once that the bound is reached, and returns the error that tells an event
// so.
func (u *unstored) full(why error) error {
	u.mu.Lock()
	events, bytes, tell := u.events, u.bytes, !u.told
	u.told = true
	u.mu.Unlock()
	if tell {
		u.log.Warn("as many events wait for their dead letters as may; more are put off, and may be posted again before their letters are stored",
			"events", events, "bytes", bytes, "error", why)
	}
	return fmt.Errorf("%w: %w", errNoRoom, why)
}

// storeLetter stores an event's letter, however long that takes. Where there is no room
// to wait for that, it tries once, or not at all where the last letter was refused, and
// returns errNoRoom.
func (s *settler) storeLetter(grace context.Context, it *item, v bridge.Verdict) error {
	const what = "store dead letter"
	if s.ordered {
		return s.insist(grace, it, what, func(ctx context.Context, it *item) error { return s.letters.store(ctx, it, v) })
	}
	w := s.unstored.wait(it)
	defer w.leave()
	return s.insist(grace, it, what, func(ctx context.Context, it *item) error {
		if why := s.unstored.trouble(); why != nil && !w.stays(it) {
			return s.unstored.full(why)
		}
		err := s.letters.store(ctx, it, v)
		if err != nil && !s.parking.js.Conn().IsConnected() {
			return err // nothing is pulled meanwhile
		}
		if !errors.Is(err, nats.ErrMaxPayload) { // which is about this letter alone
			s.unstored.hear(err)
		}
		if err != nil && !w.stays(it) {
			return s.unstored.full(err)
		}
		return err
	})
}

// stays reports whether an event has room to wait. One that the server may not hand out
// again, since its stream may be no more, stays whether there is room or not.
func (w *waiter) stays(it *item) bool { return w.enter(it.doubtful()) }
