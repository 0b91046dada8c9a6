package gate

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// paceTolerance is how late a request may set out. The instants are so far
	// apart that this much lateness keeps the limit.
	paceTolerance = 200 * time.Millisecond
	// instantLife is how late an instant may be used; what is left of the
	// tolerance is for the mark that is put into the bucket before some requests.
	instantLife = paceTolerance / 2
	// paceAhead is how far ahead instants are taken, which bounds what is lost
	// with a replica that is killed, and how unevenly replicas share.
	paceAhead = 300 * time.Millisecond
)

// pacer spreads the requests to one destination evenly. The bucket holds the
// next instant that nobody has taken; replicas take them by compare-and-set.
type pacer struct {
	store store
	clock *clock
	key   string
	limit bridge.Limit
	gap   time.Duration
	log   *slog.Logger

	waiting atomic.Int64
	turn    chan struct{} // a lock that gives up with a context
	taken   []time.Time   // instants that are ours, not used yet
	next    time.Time     // as far as is known
	known   uint64        // the revision that says so
	refused bool          // the server takes none of them, which was said
}

// newPacer returns the pacer of a destination as it is limited now.
func newPacer(d *bridge.Destination, s store, c *clock, log *slog.Logger) *pacer {
	p := &pacer{store: s, clock: c, key: "pace." + d.URL.ID(), limit: d.Limit, turn: make(chan struct{}, 1)}
	p.log = log.With("destination", d.URL)
	if !d.Limit.IsZero() {
		p.gap = gapOf(d.Limit)
	}
	return p
}

// gapOf is the time between two instants of a limit, never none. A request may set
// out late, and the one a window later in time.
func gapOf(l bridge.Limit) time.Duration {
	return max(1, (l.Window+paceTolerance)/time.Duration(l.Requests))
}

// errNotWanted ends the wait for an instant that is of no use any more.
var errNotWanted = errors.New("no instant is wanted any more")

// take waits for the next instant, as long as one is wanted: it looks every
// second. Its only other error is ctx's; the instant is then lost.
func (p *pacer) take(ctx context.Context, wanted func() bool) error {
	if p.limit.IsZero() {
		return ctx.Err()
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for {
		instant, err := p.instant(ctx, wanted)
		if err != nil {
			return err
		}
		if err := p.await(ctx, instant, wanted); err != nil {
			return err
		}
		if p.usable(instant) {
			return nil
		}
	}
}

// await waits for an instant, as long as it is usable.
func (p *pacer) await(ctx context.Context, instant time.Time, wanted func() bool) error {
	for d := p.clock.until(instant); d > 0 && p.usable(instant); d = p.clock.until(instant) {
		if err := sleep(ctx, min(d, clockCheck)); err != nil {
			return err
		}
		if !wanted() {
			return errNotWanted
		}
	}
	return ctx.Err()
}

// usable reports whether an instant was not missed, nor taken by a clock that was
// wrong.
func (p *pacer) usable(instant time.Time) bool {
	return p.clock.until(instant) >= -instantLife && !p.beyond(instant)
}

// beyond reports whether an instant is further ahead than any replica would take
// it: it comes from a clock that was wrong, or has been set since, and is not
// waited for.
func (p *pacer) beyond(instant time.Time) bool {
	return p.clock.until(instant) > paceAhead+p.gap+time.Minute
}

// instant returns one that is ours alone.
func (p *pacer) instant(ctx context.Context, wanted func() bool) (time.Time, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	for {
		if !wanted() {
			return time.Time{}, errNotWanted
		}
		for len(p.taken) > 0 {
			t := p.taken[0]
			p.taken = p.taken[1:]
			if p.usable(t) {
				return t, nil
			}
		}
		if err := p.reserve(ctx); err != nil {
			return time.Time{}, err
		}
	}
}

// reserve takes as many instants as there are requests waiting, as far as
// they are not too far ahead. Where the next one is, it waits a while and takes none.
func (p *pacer) reserve(ctx context.Context) error {
	if p.beyond(p.next) {
		p.next = time.Time{}
	}
	now := p.clock.now() // once: it may be learned anew at any moment
	if wait := p.next.Add(-paceAhead).Sub(now); wait > 0 {
		return sleep(ctx, min(wait, clockCheck))
	}
	first := p.next
	if first.Before(now) {
		first = now
	}
	n := min(p.waiting.Load(), 1+int64((paceAhead-first.Sub(now))/p.gap))
	after := first.Add(time.Duration(n) * p.gap)
	revision, err := p.write(ctx, after)
	p.tell(err)
	switch {
	case err == nil:
		for i := range n {
			p.taken = append(p.taken, first.Add(time.Duration(i)*p.gap))
		}
		p.next, p.known = after, revision
		return nil
	case errors.Is(err, errConflict):
		return p.refresh(ctx)
	default:
		return sleep(ctx, paceTolerance) // NATS is in trouble; nothing starts without it
	}
}

func (p *pacer) write(ctx context.Context, next time.Time) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	value := strconv.AppendInt(nil, next.UnixNano(), 10)
	if p.known == 0 {
		return p.store.create(ctx, p.key, value)
	}
	return p.store.update(ctx, p.key, value, p.known)
}

// tell says once that the server refuses what is written, and when that is over.
// What fails because NATS is lost is said elsewhere.
func (p *pacer) tell(err error) {
	_, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case refused && !p.refused:
		p.refused = true
		p.log.Warn("the rate limit cannot be kept, nothing is posted meanwhile", "error", err)
	case err == nil && p.refused:
		p.refused = false
		p.log.Info("the rate limit can be kept again, posting goes on")
	}
}

// refresh reads what another replica wrote. What cannot be read is written
// anew.
func (p *pacer) refresh(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	e, err := p.store.get(bounded, p.key)
	switch {
	case errors.Is(err, errNotFound):
		p.next, p.known = time.Time{}, 0
		return nil
	case err != nil:
		return sleep(ctx, paceTolerance)
	}
	p.next, p.known = time.Time{}, e.revision
	if nanos, err := strconv.ParseInt(string(e.value), 10, 64); err == nil {
		p.next = time.Unix(0, nanos)
	}
	return nil
}

// sleep waits; its only error is ctx's.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
