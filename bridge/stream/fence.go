package stream

import "time"

// expiryShare is the part of a lease's life for which a pull request of an
// ordered route stays open. The last one that an owner sends, three quarters of
// the life after it renewed, is over before anybody else can own the route: else
// the server would go on handing events to one that is frozen, or cut off
// without the server's having noticed, and those behind them to its successor.
const expiryShare = 8

// expiry is how long the pull requests of an ordered route stay open.
func (o *order) expiry() time.Duration {
	return min(pullExpiry, max(o.consumer.ackWait/lifeShare/expiryShare, time.Millisecond))
}

// received takes note of a delivery. The server numbers those of a consumer,
// whoever they go to. Where one is missing, an event is in somebody else's hands,
// or was lost with the connection, and this one may be its successor: so all is
// as it is at the beginning of a tenure, and nothing starts before that event is
// here.
func (c *consumer) received(it *item, now time.Time) {
	o := c.order
	if o == nil {
		return
	}
	missed := o.takeover == nil && o.delivery > 0 && it.number != o.delivery+1
	o.delivery = it.number
	o.arrived++
	if missed {
		c.log.Info("an event went elsewhere, waiting until it comes back", "sequence", it.Sequence, "delivery", it.Delivery)
		o.takeover = newTakeover(o.tenure, c.ackWait, now)
		o.takeover.broughtBack = true // what was put off is here
		o.takeover.withdraw = true
	}
	if o.takeover != nil {
		o.takeover.took(it, now)
	}
}
