package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// lettersPerSecond is how many dead letters a route stores in a second
	// even on a slow day; it makes the margin of a deep backlog.
	lettersPerSecond = 200
	// mostMargin bounds the margin of a shallow one.
	mostMargin = time.Hour
	// warnShare is the share of the stream's MaxAge at which an operator is
	// told that events come near their end.
	warnShare = 0.8
)

// retention says when the stream will take an event away, and how long before
// that a route gives it up. Events leave the stream in the order in which they
// came, and so they arrive here; the margin is long enough for all that wait
// behind the first to become letters, should they all be as old.
type retention struct {
	maxAge, margin time.Duration
	created        time.Time // the stream
	consumer       time.Time // when that was created; zero: it is gone
	// oldest is when the oldest event was published that is handed out and not
	// settled; zero where all that are handed out are in hand here.
	oldest time.Time
}

func newRetention(maxAge time.Duration, backlog uint64) retention {
	if maxAge <= 0 {
		return retention{}
	}
	margin := min(maxAge/10, mostMargin) + time.Duration(min(float64(backlog)/lettersPerSecond, maxAge.Seconds()))*time.Second
	return retention{maxAge: maxAge, margin: min(margin, maxAge/2)}
}

// left is how long an event may still be tried; it is negative once the route
// has to give it up. A stream without MaxAge never takes one.
func (r retention) left(published, now time.Time) time.Duration {
	if r.maxAge == 0 {
		return 1<<63 - 1
	}
	return published.Add(r.maxAge - r.margin).Sub(now)
}

// presses reports whether an event that may not be in hand is about to be given up.
func (r retention) presses(now time.Time) bool {
	return !r.oldest.IsZero() && r.left(r.oldest, now) < r.margin
}

// nearEnd reports whether an operator should hear of an event's age.
func (r retention) nearEnd(published, now time.Time) bool {
	return r.maxAge > 0 && now.Sub(published) > time.Duration(float64(r.maxAge)*warnShare)
}

// every is how often to look how deep the backlog is. Where the stream takes
// nothing, only its configuration can change.
func (r retention) every() time.Duration {
	if r.maxAge == 0 {
		return time.Minute
	}
	return min(max(r.maxAge/100, time.Second), time.Minute)
}

// retention asks the server how long the stream keeps events, which stream that is,
// how many wait for a route, and how old those may be that are handed out beyond the
// ones in hand.
func (s *Supervisor) retention(ctx context.Context, route string, inHand int) (retention, error) {
	c, err := s.js.Consumer(ctx, s.settings.Stream, route)
	if err != nil {
		return retention{}, fmt.Errorf("look up consumer %s: %w", route, err)
	}
	// The stream is asked later: it is the consumer's, or one that came after.
	st, err := s.js.Stream(ctx, s.settings.Stream)
	if err != nil {
		return retention{}, fmt.Errorf("look up stream %s: %w", s.settings.Stream, err)
	}
	info := c.CachedInfo()
	r := newRetention(st.CachedInfo().Config.MaxAge, info.NumPending+uint64(max(0, info.NumAckPending)))
	r.created, r.consumer = st.CachedInfo().Created, info.Created
	if r.maxAge > 0 && info.NumAckPending > inHand {
		r.oldest, err = oldestAfter(ctx, st, info.AckFloor.Stream, filtersOf(info.Config))
		if err != nil { // all else is known
			s.log.Debug("age of the events that wait for a redelivery not known", "route", route, "error", err)
		}
	}
	return r, nil
}

// oldestAfter returns when the first event after a sequence was published; zero where
// there is none.
func oldestAfter(ctx context.Context, st jetstream.Stream, sequence uint64, filters []string) (oldest time.Time, err error) {
	for _, filter := range filters {
		m, err := st.GetMsg(ctx, sequence+1, jetstream.WithGetMsgSubject(filter))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return oldest, fmt.Errorf("look up the oldest event of %s: %w", filter, err)
		case oldest.IsZero() || m.Time.Before(oldest):
			oldest = m.Time
		}
	}
	return oldest, nil
}

// followRetention keeps a consumer's retention up to date until ctx is done.
func (s *Supervisor) followRetention(ctx context.Context, c *consumer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.retention.Load().every()):
		}
		inHand, _ := c.hand.size()
		r, err := s.retention(ctx, c.route.Name, inHand)
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
			r = *c.retention.Load()
			r.consumer = time.Time{}
		case err != nil:
			c.log.Debug("depth of the backlog not known", "error", err)
			continue
		}
		if ctx.Err() == nil { // else it is for the next run to say
			c.retention.Store(&r)
		}
	}
}

// giveUp ends the wait of every event in hand that the stream will soon take.
func (c *consumer) giveUp(now time.Time) {
	r, clock, near, expired := c.retention.Load(), c.clock(), 0, false
	for _, it := range c.hand.all() {
		if r.left(it.Published, clock) <= 0 {
			it.expire()
			expired = true
		}
		if r.nearEnd(it.Published, clock) {
			near++
		}
	}
	if near > 0 && now.Sub(c.warned) > r.maxAge/20 {
		c.warned = now
		c.log.Warn("events near the end of the stream's retention; undelivered ones will be dead-lettered as expired",
			"events", near, "max_age", r.maxAge, "margin", r.margin)
	}
	if expired && c.order == nil { // tendOrder does it for the others
		c.beginExpired(r, clock, now)
	}
}

// beginExpired has the events handled that are to be given up and have no place yet:
// they wait behind others that wait at a door. Nothing is posted.
func (c *consumer) beginExpired(r *retention, clock, now time.Time) {
	for _, it := range c.notStarted() {
		switch {
		case r.left(it.Published, clock) > 0:
			c.queue.add(it)
		case it.stale(now):
			c.hand.drop(it)
		default:
			c.begin(it, int(c.running.Load())+1)
		}
	}
}

// withinRetention lets no retry come later than the stream keeps the event.
func (c *consumer) withinRetention(it *item) {
	v := &it.verdict
	if v.Outcome != bridge.Retried {
		return
	}
	if left := c.retention.Load().left(it.Published, c.clock()); left <= 0 {
		v.Outcome, v.Reason, v.Delay = bridge.DeadLettered, bridge.Expired, 0
	} else {
		v.Delay = min(v.Delay, left)
	}
}
