package stream

import "time"

// roomEvery is how often room is made for events that may return at any time;
// where it is known that they do, at once. A new event that comes instead is one
// more in hand.
const roomEvery = time.Second

// askInOrder pulls so many events that enough lanes have a head that can start,
// and those that are on their way back.
func (c *consumer) askInOrder(lack, target int, now time.Time) error {
	o := c.order
	if !c.mayStart() {
		return nil // what is needed before that, the takeover pulls
	}
	inHand, bytes := c.hand.size()
	o.fill(inHand >= mostInHand || bytes >= mostBytes, inHand, bytes)
	if lack < (target+1)/2 && (c.pull.open > 0 || o.lanes.coming() > 0) {
		lack = 0 // better one request for many
	}
	lack = min(lack, mostInHand-inHand-c.pull.open)
	if o.full.Load() {
		lack = 0
	}
	if back := min(o.lanes.backs(), target) - c.pull.open; back > lack && (o.room.Load() || now.Sub(o.roomAt) >= roomEvery) {
		o.room.Store(false)
		o.roomAt, lack = now, back
	}
	if lack <= 0 {
		return nil
	}
	return c.pull.askFor(lack, o.expiry(), now)
}

// fill notes whether the cap is reached, and says so once.
func (o *order) fill(full bool, events, bytes int) {
	o.full.Store(full)
	switch {
	case full && !o.told:
		o.told = true
		o.consumer.log.Warn("as many events in hand as an ordered route may have; events of other keys wait in the stream until a failing one is done with",
			"events", events, "bytes", bytes, "lanes_blocked", o.lanes.blocked())
	case events < mostInHand/2 && bytes < mostBytes/2:
		o.told = false
	}
}

// tendOrder does what is due from time to time in an ordered route.
func (c *consumer) tendOrder(now time.Time) {
	o := c.order
	if o == nil || o.tenure == nil {
		return
	}
	o.lanes.notHeardOf(now)
	if !c.mayStart() {
		return
	}
	r, clock := c.retention.Load(), c.clock()
	for _, it := range o.lanes.expired(func(it *item) bool { return r.left(it.Published, clock) <= 0 }) {
		c.begin(it, c.slots) // which finds that it has expired, and posts nothing
	}
	if missed := o.lanes.missed(now.Add(-2 * c.ackWait)); len(missed) > 0 {
		o.ask(missed)
	}
}

// forsake lets events go that the server no longer has, as the count of what it
// has handed out shows: they were removed from the stream, or settled by a
// replica that does not keep the order. What is in hand for certain is handed out:
// not what has come since the server was asked, nor what may be settled by now.
func (o *order) forsake(n count) {
	c := o.consumer
	unsure := int(c.unsure.Load()) // first: what is settled after this is not in hand then
	inHand, _ := c.hand.size()
	if certain := inHand - len(n.missed) - unsure - (o.arrived - n.arrived); n.pending > certain {
		return
	}
	gone := o.lanes.forsake(n.missed)
	for _, it := range gone {
		c.hand.drop(it)
	}
	if len(gone) > 0 {
		c.log.Warn("the server no longer has events that were waited for, going on without them", "events", len(gone))
	}
}
