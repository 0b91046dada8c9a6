package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// natsTimeout bounds one request to NATS, lastFlush all that is done when
	// the reporter stops.
	natsTimeout = 5 * time.Second
	lastFlush   = 2 * time.Second
	// flushesPerInterval is how often what this replica knows of is taken to
	// the bucket, looksPerInterval how often it looks for what others have left
	// there, and tries again what did not succeed.
	flushesPerInterval = 60
	looksPerInterval   = 4
)

// Run publishes until ctx is done, and then takes what is left in memory to the
// bucket, or to the stream if it is due, for at most two seconds. It is called
// once.
func (r *Reporter) Run(ctx context.Context) {
	if r == nil {
		return
	}
	told := ""
	look := time.Time{} // at once: a replica before this one may have left something
	for wait := time.Duration(0); r.pause(ctx, wait); {
		now := time.Now()
		err := r.flush(ctx, !now.Before(look))
		if !now.Before(look) {
			look = now.Add(r.cfg.Interval / looksPerInterval)
		}
		if err == nil {
			told = ""
			wait = r.rest(look)
			continue
		}
		wait = r.cfg.Interval / looksPerInterval
		if ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			r.cfg.Logger.Warn("reports to admin are late, trying again", "error", err)
		}
	}
	r.stop(context.WithoutCancel(ctx))
}

// stop is the last flush.
func (r *Reporter) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.lastFlush)
	defer cancel()
	err := r.flush(ctx, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if lost := len(r.fresh) + len(r.shares); lost > 0 {
		r.cfg.Logger.Warn("reports to admin are lost with the stop", "reports", lost,
			"connected", r.cfg.JetStream.Conn().IsConnected(), "error", err)
	}
}

// flush brings every topic up to date about which something is known here, and
// after a look also those that other replicas have left. Without NATS all is
// kept, and nothing is wrong that others do not say.
func (r *Reporter) flush(ctx context.Context, look bool) error {
	if !r.cfg.JetStream.Conn().IsConnected() {
		return nil
	}
	topics := r.pending()
	if len(topics) == 0 && !look {
		return nil
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	if look {
		if err := r.look(ctx); err != nil {
			return err
		}
		topics = r.pending()
	}
	var errs []error
	for t := range topics {
		errs = append(errs, r.advance(ctx, t))
	}
	return errors.Join(errs...)
}

// pending returns the topics that this replica has a share of, and those of
// which it knows that something is due.
func (r *Reporter) pending() map[topic]bool {
	topics := map[topic]bool{}
	for t := range r.shares {
		topics[t] = true
	}
	now := r.cfg.Now()
	for t, due := range r.waiting {
		if !due.After(now) {
			topics[t] = true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.fresh {
		topics[t] = true
	}
	return topics
}

// open finds the bucket, once.
func (r *Reporter) open(ctx context.Context) error {
	if r.bucket != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	kv, err := r.cfg.JetStream.KeyValue(ctx, r.cfg.Bucket)
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", r.cfg.Bucket, err)
	}
	r.bucket = kv
	return nil
}

// look finds out what is owed in the bucket, whoever left it there.
func (r *Reporter) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	watch, err := r.bucket.Watch(ctx, keyPrefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("read bucket %s: %w", r.cfg.Bucket, err)
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	for {
		select {
		case e := <-watch.Updates():
			if e == nil {
				return nil
			}
			t, known := topicOf(e.Key())
			c, err := readRecord(e)
			if !known || err != nil {
				continue // of another version, which sees to it
			}
			if c.Event != nil {
				c.Published = time.Time{} // it is late already
			}
			r.wait(t, c, c.due(r.cfg.Now(), r.cfg.Interval))
		case <-ctx.Done():
			return fmt.Errorf("read bucket %s: %w", r.cfg.Bucket, ctx.Err())
		}
	}
}

// rest is how long there is nothing to flush, as far as is known: until the next
// look at the latest.
func (r *Reporter) rest(look time.Time) time.Duration {
	tick := r.cfg.Interval / flushesPerInterval
	if len(r.shares) > 0 {
		return tick
	}
	rest, now := time.Until(look), r.cfg.Now()
	for _, due := range r.waiting {
		rest = min(rest, due.Sub(now))
	}
	return max(rest, tick)
}

// pause waits for that long, or until reports that have come meanwhile have had a
// moment to gather. It reports false as soon as ctx is done.
func (r *Reporter) pause(ctx context.Context, d time.Duration) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	news, gathered := r.news, (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-over.C:
			return ctx.Err() == nil
		case <-gathered:
			return ctx.Err() == nil
		case <-news:
			news, gathered = nil, time.After(r.cfg.Interval/flushesPerInterval)
		}
	}
}
