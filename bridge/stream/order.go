package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// mostInHand bounds the events that an ordered route has in hand: those of
	// one key that fails pile up there until others find nothing to start. It
	// is a fifth of what the server hands out unacknowledged, and keeping it
	// alive is a few hundred small messages a second at a short ack wait.
	mostInHand = 4096
	// mostBytes bounds the memory of their bodies, which may be 5 MiB each.
	mostBytes = 64 << 20
)

// order is what a consumer has beyond others where its route keeps an order:
// it serves the route only during its tenure, and starts nothing before what a
// predecessor had in hand is here (takeover.go). Its lanes say what may start.
//
// It belongs to the consumer's goroutine but for lanes, claim and the atomics.
type order struct {
	consumer *consumer
	lanes    *lanes
	claim    *claim
	tenure   Tenure    // nil: the route is another replica's
	since    time.Time // when that began
	takeover *takeover // nil: it is over
	stop     func()    // ends the following of notes
	counts   chan count
	counting bool
	alarm    *time.Timer
	roomAt   time.Time // when room for events that return was last asked for
	told     bool      // that the cap is reached
	delivery uint64    // the number of the last delivery, to anybody; 0: not known
	arrived  int       // deliveries that came here, ever

	room  atomic.Bool // an event that was given back can be asked for
	owned atomic.Bool // for those who ask for the state
	full  atomic.Bool
}

// errDismissed ends the wait of an event whose route is another replica's now.
var errDismissed = errors.New("another replica serves the route now")

// keepOrder has the consumer keep its route's order.
func (c *consumer) keepOrder(a Acquire) {
	o := &order{
		consumer: c, lanes: newLanes(c.route.Ordering), claim: newClaim(c.route.Name, a),
		counts: make(chan count, 1), alarm: time.NewTimer(0), stop: func() {},
	}
	c.order, c.queue, c.settler.ordered = o, o.lanes, true
	if c.route.Ordering == bridge.OrderingStrict {
		c.slots = 1
	}
}

// conduct does what keeping the order asks for now, and returns what to wait
// for before it has to be called again.
func (c *consumer) conduct(ctx context.Context, now time.Time) <-chan time.Time {
	o := c.order
	if o == nil {
		return nil
	}
	if t := o.claim.present(); t != o.tenure {
		c.dismiss()
		c.assume(ctx, t, now)
	}
	for _, it := range o.lanes.takeDue(now) {
		c.handling.Go(func() { o.recall(it) })
	}
	select {
	case n := <-o.counts:
		o.counting = false
		o.counted(n, now)
	default:
	}
	next := now.Add(time.Second)
	if due, ok := o.lanes.nextDue(); ok && due.Before(next) {
		next = due
	}
	if o.takeover != nil {
		o.reclaim(now)
		if o.takeover != nil && o.takeover.next.After(now) && o.takeover.next.Before(next) {
			next = o.takeover.next
		}
	}
	o.alarm.Reset(time.Until(next))
	return o.alarm.C
}

// assume begins a tenure, if there is one.
func (c *consumer) assume(ctx context.Context, t Tenure, now time.Time) {
	o := c.order
	if o.tenure, o.since = t, now; t == nil {
		return
	}
	o.takeover = newTakeover(t, c.ackWait, now)
	o.owned.Store(true)
	o.lanes.activate()
	ctx, o.stop = context.WithCancel(ctx)
	c.handling.Go(func() {
		c.settler.parking.follow(ctx, c.route.Name, func(id identity, revision uint64) {
			if it := c.hand.find(id); it != nil && o.lanes.recalled(it, revision, time.Now()) {
				o.room.Store(true)
				c.poke()
			}
		})
	})
	c.log.Info("this replica serves the ordered route now", "ordering", c.route.Ordering.String())
}

// dismiss ends a tenure: nothing more is started or pulled, and what has not
// started is dropped without a word to the server. Requests in flight end.
func (c *consumer) dismiss() {
	if c.order.tenure == nil {
		return
	}
	c.log.Info("another replica may serve the ordered route now")
	if err := c.pull.renew(); err != nil {
		c.log.Debug("pull requests not withdrawn", "error", err)
	}
	c.dropWaiting()
	for _, it := range c.hand.all() {
		it.end(errDismissed)
	}
}

// withdraw ends the tenure, after the lanes were drained. What has started stays
// in them: should the route come back here, others wait for it.
func (o *order) withdraw() {
	o.stop()
	o.tenure, o.takeover = nil, nil
	o.owned.Store(false)
	o.full.Store(false)
}

// changed has one in it when the tenure has changed.
func (c *consumer) changed() <-chan struct{} {
	if c.order == nil {
		return nil
	}
	return c.order.claim.changed
}

// tenure is the present one, nil where the route keeps no order.
func (c *consumer) tenure() Tenure {
	if c.order == nil {
		return nil
	}
	return c.order.tenure
}

// serves reports whether events may be taken in hand.
func (c *consumer) serves() bool { return c.order == nil || c.order.tenure != nil }

// mayStart reports whether events may be handled.
func (c *consumer) mayStart() bool {
	return c.order == nil || c.order.tenure != nil && c.order.takeover == nil && c.order.tenure.Holds()
}

// keeps carries out a verdict by which an event stays in hand, and reports
// false where it does not: then it is to be settled.
func (o *order) keeps(ctx, grace context.Context, it *item, v bridge.Verdict) bool {
	if ctx.Err() != nil { // the bridge stops
		return false
	}
	c := o.consumer
	switch v.Outcome {
	case bridge.Retried:
		noted := c.settler.putOff(grace, it, v)
		if !it.dismissed() && o.lanes.putOff(it, time.Now().Add(v.Delay), noted) {
			return true
		}
	case bridge.HandedBack:
		if v.Attempts == 0 && !it.stale(time.Now()) && !it.dismissed() && o.lanes.again(it) {
			return true // it waits for the tenure to hold again
		}
	default:
		return false
	}
	if !o.lanes.release(it, time.Now()) {
		if ctx.Err() != nil { // since it was asked: the lanes are drained
			return false
		}
		c.drop(it)
		return true
	}
	o.recall(it)
	return true
}

// recall gives an event back and asks for its next delivery.
func (o *order) recall(it *item) {
	c := o.consumer
	if err := c.settler.recall(it); err != nil {
		c.log.Warn("event not given back; it returns after the ack wait", "error", err, "sequence", it.Sequence)
		return
	}
	o.room.Store(true)
	c.poke()
}

// yield gives the route up as the bridge stops.
func (c *consumer) yield(grace context.Context) {
	if c.order == nil {
		return
	}
	c.order.stop()
	inHand, _ := c.hand.size()
	nc := c.settler.parking.js.Conn()
	clean := inHand == 0 && !c.unsettled.Load() && nc.IsConnected()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(grace), ackTimeout)
	defer cancel()
	if clean && nc.FlushWithContext(ctx) != nil {
		clean = false
	}
	if err := c.order.claim.end(ctx, clean); err != nil {
		c.log.Warn("ordered route not released; another replica serves it when the lease has run out", "error", err)
	}
}
