package main

import (
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

const (
	// chaosAckTime is how long it may take from a webhook's having taken an
	// event to the server's having the acknowledgement.
	chaosAckTime = chaosAnswer + 500*time.Millisecond
	// chaosInHand is how long an event may have been in a replica's hands, not
	// posted yet, because its destination was held.
	chaosInHand = 6 * time.Second

	chaosUnexplained = "unexplained"
)

// judgeDuplicates finds the cause of each time an event was taken beyond the
// first, and that there is one. What was done to a process explains no more
// duplicates than there were events in hand or on their way there. It returns
// the duplicates by cause.
func (c *chaos) judgeDuplicates() map[string]int {
	causes, explained := map[string]int{}, map[int]int{}
	for key, rs := range c.webhook.requests {
		var before *chaosRequest
		for i := range rs {
			if !rs[i].taken() {
				continue
			}
			if before != nil {
				cause, harm := c.blame(*before, rs[i])
				causes[cause]++
				explained[harm]++
				c.judgeDuplicate(key, *before, rs[i], cause)
			}
			before = &rs[i]
		}
	}
	delete(explained, noHarm)
	for i, n := range explained {
		h, most := c.harms.all[i], 2*chaosConcurrency*len(chaosRoutes())
		if h.name == chaosServer {
			most *= chaosReplicas
		}
		if n > most {
			c.complain("too many duplicates", "%d because %s was %s at %s, want at most %d", n, h.life, h.kind, stamp(h.from), most)
		}
	}
	return causes
}

// judgeDuplicate: a replica that has seen the 2xx does not post the event again
// only because the server was away.
func (c *chaos) judgeDuplicate(key chaosKey, before, again chaosRequest, cause string) {
	knew := before.sender == again.sender && (strings.HasPrefix(cause, "server stopped") || strings.HasPrefix(cause, "server frozen"))
	if knew || cause == chaosUnexplained {
		c.complain("duplicate", "%s: event %s at %s, taken from %s (%d.%d) at %s and from %s (%d.%d) at %s", cause, key.id, key.path,
			before.sender, before.delivery, before.attempt, stamp(before.settled),
			again.sender, again.delivery, again.attempt, stamp(again.settled))
	}
}

// blame says why an event that was taken before was posted again, and which
// harm it was, if it was one.
func (c *chaos) blame(before, again chaosRequest) (cause string, harm int) {
	switch {
	case before.outcome == standin.OutcomeAcceptedReset:
		return "reset after the event was taken", noHarm
	case before.status == chaosUnanswered:
		return "no answer after the event was taken", noHarm
	}
	inHand, acked := before.came.Add(-chaosInHand), before.settled.Add(chaosAckTime)
	for _, suspect := range []struct {
		how      string
		from, to time.Time
		guilty   func(chaosHarm) bool
	}{
		// Only a server that forgot a delivery counts one number twice.
		{" and forgot it", inHand, again.came, func(h chaosHarm) bool {
			return h.title() == "server killed" && before.sender != again.sender && before.delivery == again.delivery
		}},
		// The acknowledgement did not get through …
		{" in flight", before.came, acked, func(h chaosHarm) bool { return h.kind == "killed" && h.life == before.sender }},
		{" in flight", before.came, acked, func(h chaosHarm) bool { return h.kind == "frozen" && h.life == before.sender }},
		{" in flight", before.came, acked, func(h chaosHarm) bool { return h.name == chaosServer }},
		// … or two replicas had the event in hand, since one could not say so.
		{" in hand", inHand, again.came, func(h chaosHarm) bool {
			return h.kind == "frozen" && (h.life == again.sender || h.life == before.sender)
		}},
		{" in hand", inHand, again.came, func(h chaosHarm) bool { return h.name == chaosServer }},
	} {
		if i := c.harms.find(suspect.from, suspect.to, suspect.guilty); i != noHarm {
			return c.harms.all[i].title() + suspect.how, i
		}
	}
	return chaosUnexplained, noHarm
}
