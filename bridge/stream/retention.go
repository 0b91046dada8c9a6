package stream

import (
	"context"
	"fmt"
	"time"

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
// and how many wait for a route.
func (s *Supervisor) retention(ctx context.Context, route string) (retention, error) {
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
	r.created = st.CachedInfo().Created
	return r, nil
}

// followRetention keeps a consumer's retention up to date until ctx is done.
func (s *Supervisor) followRetention(ctx context.Context, c *consumer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.retention.Load().every()):
		}
		r, err := s.retention(ctx, c.route.Name)
		if err != nil {
			c.log.Debug("depth of the backlog not known", "error", err)
			continue
		}
		c.retention.Store(&r)
	}
}

// giveUp ends the wait of every event in hand that the stream will soon take.
func (c *consumer) giveUp(now time.Time) {
	r, near := c.retention.Load(), 0
	for _, it := range c.hand.all() {
		if r.left(it.Published, now) <= 0 {
			it.expire()
		}
		if r.nearEnd(it.Published, now) {
			near++
		}
	}
	if near > 0 && now.Sub(c.warned) > r.maxAge/20 {
		c.warned = now
		c.log.Warn("events near the end of the stream's retention; undelivered ones will be dead-lettered as expired",
			"events", near, "max_age", r.maxAge, "margin", r.margin)
	}
}

// withinRetention lets no retry come later than the stream keeps the event.
func (c *consumer) withinRetention(it *item) {
	v := &it.verdict
	if v.Outcome != bridge.Retried {
		return
	}
	if left := c.retention.Load().left(it.Published, time.Now()); left <= 0 {
		v.Outcome, v.Reason, v.Delay = bridge.DeadLettered, bridge.Expired, 0
	} else {
		v.Delay = min(v.Delay, left)
	}
}
