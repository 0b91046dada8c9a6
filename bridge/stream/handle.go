package stream

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// handle has one event decided, gives its place to the next, and sees to it
// that it is settled. It does not wait for that.
func (c *consumer) handle(ctx, grace context.Context, it *item, w *wait) {
	it.started(w.end)
	if it.dismissed() { // before it could be told
		it.end(errDismissed)
	}
	if c.retention.Load().left(it.Published, c.clock()) <= 0 {
		it.expire()
	}
	c.decide(w, it)
	c.withinRetention(it)
	it.started(nil)
	c.decided(it)
	c.running.Add(-1)
	if it.verdict.Outcome == bridge.Delivered {
		c.hand.remember(it)
	}
	if it.plain() {
		c.handling.Add(1)
		c.settleSoon(it)
	} else {
		c.settleLater(ctx, grace, it)
	}
	c.poke()
}

// settledSoon lets an event go that settleSoon was called for.
func (c *consumer) settledSoon(it *item, settled bool) {
	defer c.handling.Done()
	defer c.settled()
	if !settled {
		c.unsettled.Store(true)
	}
	c.drop(it)
}

// settleLater has the event settled by a goroutine of its own.
func (c *consumer) settleLater(ctx, grace context.Context, it *item) {
	v := it.verdict
	c.handling.Go(func() { c.settle(ctx, grace, it, v) })
}

// settle carries out a verdict, however long that takes, and lets the event go.
func (c *consumer) settle(ctx, grace context.Context, it *item, v bridge.Verdict) {
	defer c.settled()
	it.caution.acquit(grace, v)
	if c.order != nil && !it.orphaned() && c.order.keeps(ctx, grace, it, v) {
		return
	}
	if c.order == nil && (v.Outcome == bridge.Retried || v.Outcome == bridge.HandedBack) {
		// From here on it is the server's: nothing may prolong this delivery, and
		// the next is to be handled.
		c.drop(it)
	}
	err := c.settler.settle(grace, it, v)
	if errors.Is(err, errNoRoom) {
		c.postpone(grace, it, v, err)
		return
	}
	if err != nil {
		c.unsettled.Store(true)
	}
	c.drop(it)
	it.caution.forget(grace, c.settler, it, v)
}

// drop lets an event go.
func (c *consumer) drop(it *item) {
	c.hand.drop(it)
	if c.order != nil {
		c.order.lanes.leave(it)
	}
}

// decided notes that there is a verdict on an event. What is in hand is not
// certain until settled is called.
func (c *consumer) decided(it *item) {
	c.unsure.Add(1)
	if c.order != nil {
		c.order.lanes.decided(it)
	}
}

// settled notes that the verdict has been carried out.
func (c *consumer) settled() {
	c.unsure.Add(-1)
	if c.order != nil || c.ackRoom() <= ackSpare {
		c.poke() // others wait for it
	}
}

// poke has the consumer look what there is to do.
func (c *consumer) poke() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// ackSpare is how many acknowledgements may be on their way beyond two for each
// request that a route may have in flight.
const ackSpare = 128

// ackRoom is how many more acknowledgements may be on their way. Beyond that
// nothing is pulled: a server that confirms more slowly than a webhook answers
// must not fill the memory, and what cannot be acknowledged is better not
// posted. Letters that cannot be stored do not count; those are bounded by unstored.
func (c *consumer) ackRoom() int {
	return 2*c.route.Concurrency + ackSpare - int(c.settler.acks.on.Load())
}

const (
	// mostCrashes is how many deliveries an event has whose handling crashes,
	// crashDelay the time between them.
	mostCrashes = 3
	crashDelay  = 5 * time.Second
)

// decide has an event decided. A handler that panics takes nobody along: the
// event is put off, and dead-lettered if that goes on. What it panicked with is
// not told, since it may hold what the event holds.
func (c *consumer) decide(ctx context.Context, it *item) {
	defer func() {
		if recover() == nil {
			return
		}
		c.log.Error("handling an event crashed", "sequence", it.Sequence, "subject", it.Subject,
			"delivery", it.Delivery, "stack", string(debug.Stack()))
		v := &it.verdict
		*v = bridge.Verdict{Outcome: bridge.Retried, Delay: crashDelay, Error: "its handling crashed"}
		if it.Delivery >= mostCrashes {
			v.Outcome, v.Reason, v.Delay = bridge.DeadLettered, bridge.Crashed, 0
		}
	}()
	var v bridge.Verdict
	if it.Delivery > 1 {
		v = c.decideAgain(ctx, it)
	} else {
		v = c.handler.Handle(ctx, it.Message)
	}
	it.verdict = v
}

// decideAgain has an event decided that was delivered before.
func (c *consumer) decideAgain(ctx context.Context, it *item) bridge.Verdict {
	if v, known := c.owed.of(it.id); known {
		return v
	}
	it.caution = c.suspects.look(ctx, c.route.Name, it)
	if v, yes := it.caution.crashed(); yes {
		return v
	}
	m := it.Message
	m.Caution = it.caution
	return c.handler.Handle(ctx, m)
}
