package receipt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// confirmEvery is how long receipts are published without asking whether
	// they are stored.
	confirmEvery = 10 * time.Second
	// confirmTimeout is how long an answer may take, retryPause the time
	// between two questions while there is trouble.
	confirmTimeout = 2 * time.Second
	retryPause     = 2 * time.Second
	// strayPause is that time where receipts come to another stream: each try
	// leaves one there.
	strayPause = time.Minute
	// tellEvery is the least time between two log lines about dropped receipts.
	tellEvery = time.Minute
	// gather is how long receipts gather before they are published together: a
	// goroutine that is woken for each costs as much as publishing it.
	gather = 10 * time.Millisecond
	// stopTimeout bounds how long the last receipts hold up the end.
	stopTimeout = time.Second
)

// Run publishes receipts until ctx is done, and then, for a few seconds at most,
// those that wait.
func (r *Recorder) Run(ctx context.Context) {
	if r == nil {
		return
	}
	publishing := context.WithoutCancel(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	more := time.NewTimer(0)
	defer more.Stop()
	gathering := true
	for ctx.Err() == nil {
		queue := r.queue
		if gathering || !r.flows() {
			queue = nil
		}
		select {
		case <-ctx.Done():
		case <-more.C:
			gathering = false
		case one := <-queue:
			r.publish(publishing, one)
			for n := len(r.queue); n > 0 && r.flows(); n-- {
				r.publish(publishing, <-r.queue)
			}
			gathering = true
			more.Reset(gather)
		case now := <-tick.C:
			r.offerAgain(publishing, now)
			r.tell(now)
		}
	}
	r.drain(publishing)
}

// flows reports whether receipts are published now; if not, they wait.
func (r *Recorder) flows() bool { return r.refused == nil && r.cfg.JetStream.Conn().IsConnected() }

// drain publishes what waits, and counts the rest as dropped.
func (r *Recorder) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for len(r.queue) > 0 && r.flows() && ctx.Err() == nil {
		r.publish(ctx, <-r.queue)
	}
	if nc := r.cfg.JetStream.Conn(); nc.IsConnected() {
		if err := nc.FlushWithContext(ctx); err != nil {
			r.cfg.Logger.Debug("last receipts may not have reached the server", "error", err)
		}
	}
	if r.refused != nil {
		r.dropped.Add(1)
	}
	for len(r.queue) > 0 {
		<-r.queue
		r.dropped.Add(1)
	}
	r.tell(time.Now())
}

// publish publishes one receipt: without waiting, unless it is time to ask
// whether they are stored.
func (r *Recorder) publish(ctx context.Context, one *receipt) {
	if time.Since(r.confirmed) > confirmEvery {
		r.confirm(ctx, one)
		return
	}
	if err := r.cfg.JetStream.Conn().PublishMsg(r.form.fill(one)); err != nil {
		r.trouble = err
		r.dropped.Add(1)
	}
}

// confirm publishes one receipt and waits until it is stored. One that is not
// is kept, to be offered again. The answer says which stream has it: a header
// that demands one would be stored too, in this receipt and no other.
func (r *Recorder) confirm(ctx context.Context, one *receipt) {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	ack, err := r.cfg.JetStream.PublishMsg(ctx, r.form.fill(one))
	pause := retryPause
	switch {
	case err == nil && ack.Stream == r.cfg.Stream:
		r.confirmed, r.refused, r.trouble = time.Now(), nil, nil
		return
	case err == nil:
		err, pause = strayError(ack.Stream), strayPause
	}
	r.refused, r.trouble, r.retry = one, r.explain(err, one), time.Now().Add(pause)
}

// offerAgain finds out whether the trouble is over. What the stream itself
// refuses may be at fault itself, so another receipt is offered in its place.
func (r *Recorder) offerAgain(ctx context.Context, now time.Time) {
	if r.refused == nil || now.Before(r.retry) || !r.cfg.JetStream.Conn().IsConnected() {
		return
	}
	var refusal *jetstream.APIError
	if errors.As(r.trouble, &refusal) {
		select {
		case one := <-r.queue:
			r.refused = one
			r.dropped.Add(1)
		default:
		}
	}
	r.confirm(ctx, r.refused)
}

// strayError names the stream that receipts come to instead of their own.
type strayError string

func (e strayError) Error() string { return "stream " + string(e) + " holds them" }

// explain adds to what is in the way what an operator can do about it.
func (r *Recorder) explain(err error, one *receipt) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream holds %s>: create %s, or set BRIDGE_RECEIPTS=off", subjectPrefix, r.cfg.Stream)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from stream %s: may this user publish to %s%s.>?", r.cfg.Stream, subjectPrefix, one.route)
	}
	return fmt.Errorf("store a receipt in %s: %w", r.cfg.Stream, err)
}

// tell logs how many receipts have been dropped since the last line.
func (r *Recorder) tell(now time.Time) {
	dropped := r.dropped.Load()
	if dropped == r.told || now.Sub(r.toldAt) < tellEvery {
		return
	}
	why := r.trouble
	if why == nil {
		why = errors.New("the connection is slower than events are settled, or was away")
	}
	r.cfg.Logger.Warn("receipts dropped; events are delivered all the same", "receipts", dropped-r.told, "dropped_total", dropped, "error", why)
	r.told, r.toldAt = dropped, now
}
