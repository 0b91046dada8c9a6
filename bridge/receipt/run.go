package receipt

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// retryPause is the time between two questions while there is trouble.
	retryPause = 2 * time.Second
	// strayPause is that time where receipts come to another stream: each try
	// leaves one there.
	strayPause = time.Minute
	// lookPause is the time between two looks while something has to be waited
	// for.
	lookPause = time.Second
	// tellEvery is the least time between two log lines about receipts that are
	// dropped for one reason.
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
	nc := r.cfg.JetStream.Conn()
	r.way.inbox = nc.NewInbox()
	answers := make(chan *nats.Msg, mostUnconfirmed/askEvery+1)
	sub, err := nc.ChanSubscribe(r.way.inbox+".*", answers)
	if err != nil {
		r.cfg.Logger.Warn("receipts are not published; events are delivered all the same", "error", err)
		return
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)
	more, look := time.NewTimer(0), time.NewTimer(0)
	defer more.Stop()
	defer look.Stop()
	gathering := true
	for ctx.Err() == nil {
		queue := r.queue
		if gathering || !r.flows(time.Now()) {
			queue = nil
		}
		select {
		case <-ctx.Done():
		case <-more.C:
			gathering = false
		case one := <-queue:
			r.publish(one)
			for len(r.queue) > 0 && r.flows(time.Now()) {
				r.publish(<-r.queue)
			}
			gathering = true
			more.Reset(gather)
			look.Reset(lookPause)
		case m := <-answers:
			r.heed(m)
		case <-connected:
			r.way.forget()
		case now := <-look.C:
			r.offerAgain(now)
			if !r.way.unsure(now) { // else it is about to be known what is wrong
				r.tell(now)
			}
			if r.waits() {
				look.Reset(lookPause)
			}
		}
	}
	r.drain(context.WithoutCancel(ctx), answers)
}

// flows reports whether a receipt may be published now; if not, they wait.
func (r *Recorder) flows(now time.Time) bool {
	return r.refused == nil && r.cfg.JetStream.Conn().IsConnected() && r.way.room(now)
}

// waits reports whether there is something to look for before the next receipt
// comes.
func (r *Recorder) waits() bool {
	return len(r.queue) > 0 || r.refused != nil || len(r.way.open) > 0 || r.dropped.Load() != r.told
}

// drain publishes what waits, and counts the rest as dropped.
func (r *Recorder) drain(ctx context.Context, answers <-chan *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, r.grace)
	defer cancel()
	nc := r.cfg.JetStream.Conn()
	for len(r.queue) > 0 && r.refused == nil && nc.IsConnected() && ctx.Err() == nil {
		if r.flows(time.Now()) {
			r.publish(<-r.queue)
			continue
		}
		select {
		case m := <-answers:
			r.heed(m)
		case <-ctx.Done():
		}
	}
	if nc.IsConnected() {
		if err := nc.FlushWithContext(ctx); err != nil {
			r.cfg.Logger.Debug("last receipts may not have reached the server", "error", err)
		}
	}
	if r.refused != nil || r.trouble != nil && r.way.unsure(time.Now()) {
		r.dropped.Add(1)
	}
	for len(r.queue) > 0 {
		<-r.queue
		r.dropped.Add(1)
	}
	r.tell(time.Now())
}

// publish publishes one receipt, without waiting.
func (r *Recorder) publish(one *receipt) {
	reply := r.way.count(one, time.Now())
	if err := r.cfg.JetStream.Conn().PublishMsg(r.form.fill(one, reply)); err != nil {
		r.trouble = err
		r.dropped.Add(1)
		r.way.forget()
	}
}

// heed takes an answer of the stream.
func (r *Recorder) heed(m *nats.Msg) {
	now := time.Now()
	one, err := r.way.answered(m, now)
	switch {
	case err != nil:
		r.refuse(one, err, now)
	case r.way.fresh(now):
		r.trouble = nil
	}
}

// refuse keeps a receipt that was not stored, to be offered again.
func (r *Recorder) refuse(one *receipt, err error, now time.Time) {
	pause := retryPause
	if _, stray := errors.AsType[strayError](err); stray {
		pause = strayPause
	}
	r.refused, r.trouble, r.retry = one, r.explain(err, one), now.Add(pause)
}

// offerAgain finds out whether the trouble is over. What the stream itself
// refuses may be at fault itself, so another receipt is offered in its place.
func (r *Recorder) offerAgain(now time.Time) {
	if !r.cfg.JetStream.Conn().IsConnected() {
		return
	}
	if one := r.way.late(now); one != nil {
		r.refuse(one, nats.ErrTimeout, now)
	}
	if r.refused == nil || now.Before(r.retry) {
		return
	}
	one := r.refused
	var refusal *jetstream.APIError
	if errors.As(r.trouble, &refusal) {
		select {
		case one = <-r.queue:
			r.dropped.Add(1)
		default:
		}
	}
	r.refused = nil // until its answer comes, others wait
	r.publish(one)
}

// errSlow is why receipts are dropped where nothing refuses them.
var errSlow = errors.New("the connection is slower than events are settled, or was away")

// tell logs how many receipts have been dropped since the last line, now and
// then while it is for the same reason.
func (r *Recorder) tell(now time.Time) {
	dropped := r.dropped.Load()
	why := r.trouble
	if why == nil {
		why = errSlow
	}
	if dropped == r.told || now.Sub(r.toldAt) < tellEvery && why.Error() == r.toldWhy {
		return
	}
	r.cfg.Logger.Warn("receipts dropped; events are delivered all the same", "receipts", dropped-r.told, "dropped_total", dropped, "error", why)
	r.told, r.toldAt, r.toldWhy = dropped, now, why.Error()
}
