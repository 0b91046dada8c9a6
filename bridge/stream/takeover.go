package stream

import (
	"context"
	"time"
)

const (
	// countPause is the time between two questions to the server what is out.
	countPause = 100 * time.Millisecond
	// takeoverExpiry is how long a pull request of a takeover stays open: what
	// is asked for is there, or it is asked for again.
	takeoverExpiry = 500 * time.Millisecond
)

// takeover is the time between the beginning of a tenure and the first event.
// What a predecessor had in hand may be anywhere: in a request in flight, in its
// memory until the ack wait is over, or with the server already. Events that
// come now may be the successors of those, since the server hands out new ones
// while it waits. So nothing is started until everything that the server counts
// as handed out and not acknowledged is in this replica's hand. Then nothing is
// in anybody else's, whatever became of them.
type takeover struct {
	begun     time.Time
	deadline  time.Time
	pullAfter time.Time // nothing is pulled before
	next      time.Time // when the server is asked again
	pause     time.Duration
	mostPause time.Duration
	// broughtBack is set when what was put off with a delay is on its way.
	broughtBack bool
	// withdraw is set while pull requests from before it began may be open.
	withdraw bool
}

func newTakeover(t Tenure, ackWait time.Duration, now time.Time) *takeover {
	o := &takeover{
		begun: now, deadline: now.Add(2 * ackWait), pullAfter: now, next: now,
		pause: countPause, mostPause: ackWait / 6,
	}
	if heard, crashed := t.Predecessor(); crashed {
		// Its events come back an ack wait after their last sign of life, which
		// may have been just after the route's.
		o.pullAfter = heard.Add(ackWait)
	}
	return o
}

// took notes an event that came. One that was never handed out before is not
// what is waited for: that is somebody's still, and pulling again at once would
// bring another such.
func (o *takeover) took(it *item, now time.Time) {
	if it.Delivery == 1 {
		o.pullAfter = now.Add(o.pause)
		o.pause = min(2*o.pause, o.mostPause)
	}
}

// count is what the server says is handed out and not acknowledged.
type count struct {
	pending     int
	deliveries  uint64 // ever, to anybody
	err         error
	broughtBack bool
	takeover    *takeover // for which it was asked; nil: for missed
	arrived     int       // what had come when it was asked
	missed      []*item
}

// ask asks the server for the count. In a takeover it first has the events
// brought back that were put off with a delay, which may be thousands.
func (o *order) ask(missed []*item) {
	if o.counting {
		return
	}
	o.counting = true
	n, deadline := count{takeover: o.takeover, arrived: o.arrived, missed: missed, broughtBack: true}, time.Time{}
	if t := o.takeover; t != nil {
		n.broughtBack, deadline = t.broughtBack, t.deadline
	}
	c := o.consumer
	c.handling.Go(func() {
		if !n.broughtBack {
			ctx, cancel := context.WithDeadline(c.settler.link.context(), deadline)
			defer cancel()
			_, n.err = c.settler.parking.bringBack(ctx, c.route.Name)
			n.broughtBack = n.err == nil
		}
		if n.err == nil {
			n.pending, n.deliveries, n.err = c.settler.outstanding(c.route.Name)
		}
		o.counts <- n
		c.poke()
	})
}

// outstanding asks the server how many events of a route are handed out and not
// acknowledged, those that were given back included, and how many deliveries
// it has made.
func (s *settler) outstanding(route string) (pending int, deliveries uint64, err error) {
	ctx, cancel := context.WithTimeout(s.link.context(), ackTimeout)
	defer cancel()
	c, err := s.parking.js.Consumer(ctx, s.letters.events, route)
	if err != nil {
		return 0, 0, err
	}
	i := c.CachedInfo()
	return i.NumAckPending, i.Delivered.Consumer, nil
}

// reclaim takes the takeover a step further.
func (o *order) reclaim(now time.Time) {
	t, c := o.takeover, o.consumer
	if !o.tenure.Holds() { // the route may be somebody else's, and so may what is handed out
		t.deadline = now.Add(2 * c.ackWait)
		return
	}
	if now.After(t.deadline) {
		c.log.Warn("not all events that were handed out have come back; does a replica still run without this ordering? starting all the same",
			"waited_ms", now.Sub(t.begun).Milliseconds())
		o.takeover, o.delivery = nil, 0
		return
	}
	if t.withdraw {
		if err := c.pull.renew(); err != nil {
			c.log.Debug("pull requests not withdrawn", "error", err)
		}
		t.withdraw = false
	}
	// What is on its way here would be counted there and not here.
	if c.pull.open > 0 || o.counting || now.Before(t.next) {
		return
	}
	o.ask(nil)
}

// counted takes the server's answer.
func (o *order) counted(n count, now time.Time) {
	t, c := o.takeover, o.consumer
	switch {
	case n.err != nil:
		c.log.Debug("what is handed out is not known", "error", n.err)
	case n.takeover == nil:
		o.forsake(n)
		return
	}
	if t == nil || n.takeover != t {
		return
	}
	t.next, t.broughtBack = now.Add(countPause), n.broughtBack
	if n.err != nil || c.pull.open > 0 || o.arrived != n.arrived || c.unsure.Load() > 0 {
		return
	}
	inHand, bytes := c.hand.size()
	missing := n.pending - inHand
	if missing == 0 {
		o.takeover, o.delivery = nil, n.deliveries
		c.log.Info("everything that was handed out is here, starting", "events", inHand, "waited_ms", now.Sub(t.begun).Milliseconds())
		return
	}
	if missing < 0 || bytes >= mostBytes || now.Before(t.pullAfter) || !o.tenure.Holds() {
		return
	}
	t.next = now
	most := c.slots + mostAhead
	if err := c.pull.request(min(missing, most), min(takeoverExpiry, o.expiry()), 0, now); err != nil {
		c.log.Debug("pull request not sent", "error", err)
	}
}
