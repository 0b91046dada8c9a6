package gate

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

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
	// ownAfter is how often the server has to refuse an instant, without one that it
	// took, before a replica goes on by itself; that takes ten seconds.
	ownAfter = int(10 * time.Second / paceTolerance)
	// ownShare is what part of the limit it keeps to: so many replicas keep it all.
	ownShare = 4
	// ownTime is how long it does so before it tries the bucket again. The first that
	// succeeds leaves the others as long to find out.
	ownTime = 5 * time.Second
	// silenceAfter is how long nobody answers before that is said: by then a connection
	// that is lost is known to be, and a bucket has another leader.
	silenceAfter = 15 * time.Second
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

	refusals int       // by the server, since it took one
	own      time.Time // the next instant that this replica takes by itself, once it did
	again    time.Time // the bucket is not tried before

	silent time.Time // since when nobody answers; zero: somebody does, or NATS is lost
	told   bool      // that nobody does
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
	return p.clock.until(instant) >= -instantLife && !p.beyond(instant, p.gap)
}

// beyond reports whether an instant is further ahead than any replica would take
// it where they are so far apart: it comes from a clock that was wrong, or has been
// set since, and is not waited for.
func (p *pacer) beyond(instant time.Time, gap time.Duration) bool {
	return p.clock.until(instant) > paceAhead+gap+time.Minute
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
	now := p.clock.now() // once: it may be learned anew at any moment
	if p.alone() && time.Now().Before(p.again) {
		return p.reserveOwn(ctx, now)
	}
	next := p.upcoming(now)
	if wait := next.Add(-paceAhead).Sub(now); wait > 0 && !p.alone() {
		return sleep(ctx, min(wait, clockCheck))
	}
	first := latest(next, now)
	n := max(1, min(p.waiting.Load(), 1+int64((paceAhead-first.Sub(now))/p.gap)))
	after := first.Add(time.Duration(n) * p.gap)
	revision, err := p.write(ctx, after)
	switch {
	case err == nil:
		for i := range n {
			p.taken = append(p.taken, first.Add(time.Duration(i)*p.gap))
		}
		p.next, p.known = after, revision
		p.accepted()
		return nil
	case errors.Is(err, errConflict):
		return p.refresh(ctx)
	case isRefusal(err):
		return p.refused(ctx, err)
	default:
		return p.inTrouble(ctx, err)
	}
}

// upcoming is the next instant, as far as is known, of those that are shared.
func (p *pacer) upcoming(now time.Time) time.Time {
	if p.beyond(p.next, p.gap+ownTime) {
		p.next = time.Time{}
	}
	if p.beyond(p.own, ownShare*p.gap) {
		p.own = time.Time{}
	}
	// None comes too soon after the last that this replica took by itself.
	next := latest(p.next, p.own.Add(-(ownShare-1)*p.gap))
	if p.alone() { // nor while others may still do that
		next = latest(next, now.Add(ownTime))
	}
	return next
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

// alone reports whether this replica goes on by itself, with a share of the limit:
// the server is there and refuses what is written, as where its storage is full, and
// what is stored already must not wait until somebody has made room.
func (p *pacer) alone() bool { return p.refusals >= ownAfter }

// refused counts that the server did not take an instant, and why.
func (p *pacer) refused(ctx context.Context, why error) error {
	p.refusals++
	if !p.alone() {
		return sleep(ctx, paceTolerance)
	}
	p.again = time.Now().Add(ownTime)
	if p.refusals == ownAfter {
		p.own = latest(p.next, p.clock.now()).Add((ownShare - 1) * p.gap)
		p.log.Warn("the rate limit cannot be kept together with other replicas, this one keeps a quarter of it meanwhile", "error", why)
	}
	return nil
}

// accepted notes that the server took one.
func (p *pacer) accepted() {
	if p.alone() {
		p.log.Info("the rate limit is kept together with other replicas again")
	}
	if p.told {
		p.log.Info("an instant could be taken again, requests are sent")
	}
	p.refusals, p.silent, p.told = 0, time.Time{}, false
}

// inTrouble waits a while. Nothing starts without NATS, which is said once where NATS
// itself is not known to be lost.
func (p *pacer) inTrouble(ctx context.Context, why error) error {
	switch now := time.Now(); {
	case !errors.Is(why, errUnanswered):
		p.silent = time.Time{}
	case p.silent.IsZero():
		p.silent = now
	case now.Sub(p.silent) >= silenceAfter && !p.told:
		p.told = true
		p.log.Warn("no instant can be taken for a request, nothing is sent meanwhile", "key", p.key, "error", why)
	}
	return sleep(ctx, paceTolerance)
}

// reserveOwn is reserve without the bucket.
func (p *pacer) reserveOwn(ctx context.Context, now time.Time) error {
	if wait := p.own.Add(-paceAhead).Sub(now); wait > 0 {
		return sleep(ctx, min(wait, clockCheck))
	}
	first := latest(p.own, now)
	p.taken = append(p.taken, first)
	p.own = first.Add(ownShare * p.gap)
	return nil
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// refresh reads what another replica wrote. What cannot be read is written
// anew.
func (p *pacer) refresh(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	e, err := p.store.get(bounded, p.key)
	switch {
	case errors.Is(err, errNotFound): // the key is gone, but what was sent was sent
		p.known = 0
		return nil
	case err != nil:
		return p.inTrouble(ctx, err)
	}
	var before time.Time
	if e.revision < p.known { // of a bucket that was created again
		before = p.next
	}
	p.next, p.known = before, e.revision
	if nanos, err := strconv.ParseInt(string(e.value), 10, 64); err == nil {
		p.next = latest(before, time.Unix(0, nanos))
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
