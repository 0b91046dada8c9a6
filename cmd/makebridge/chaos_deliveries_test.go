package main

import (
	"net/http"
	"slices"

	"github.com/makebridge/makebridge/bridge/standin"
)

// chaosWaited is how long an event may have been in hand, now and then, before
// anything of it was posted, because its destination was held.
const chaosWaited = 3 * chaosInHand

// spent reports whether the answer may count against the event's delivery. One
// that holds the destination does not.
func (r chaosRequest) spent() bool {
	return r.outcome != standin.OutcomeAnswered || r.status >= http.StatusInternalServerError || r.status == chaosUnanswered
}

// judgeDeliveries: an event is delivered again because a delivery of it failed,
// or because of what was done to a process, and not because it waits: outages
// burn no event's deliveries.
func (c *chaos) judgeDeliveries() {
	for key, rs := range c.webhook.requests {
		last, failed := 0, map[int]bool{} // by delivery
		for _, r := range rs {
			last = max(last, r.delivery)
			if r.spent() {
				failed[r.delivery] = true
			}
		}
		most := 1 + len(failed)
		since := rs[0].came.Add(-chaosWaited)
		if c.waits(key) {
			since = c.stored[key.id].at
		}
		for _, h := range c.harms.all {
			if h.overlaps(since, rs[len(rs)-1].came) {
				most += h.redeliveries()
			}
		}
		c.deliveries = max(c.deliveries, last)
		if last > most {
			c.complain("burnt", "event %s at %s was delivered %d times, want at most %d: %d failed", key.id, key.path, last, most, len(failed))
		}
	}
}

// waits reports whether an event may be in hand, behind others, for as long as
// it exists.
func (c *chaos) waits(key chaosKey) bool {
	return slices.ContainsFunc(c.ledger.events[key.id].routes(), func(r chaosRoute) bool { return r.path == key.path && r.ordering.Keeps() })
}

// redeliveries is how often an event may be delivered again because of what was
// done: whenever the ack wait ran out meanwhile, as it was handed back or its
// process died, and for a failure of which nothing arrived.
func (h chaosHarm) redeliveries() int { return 2 + int(h.to.Sub(h.from)/chaosAckWait) }
