package main

import (
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

const (
	// chaosAckTime is how long it may take from a webhook's having taken an
	// event to the server's having the acknowledgement.
	chaosAckTime = chaosAnswer + 2*time.Second
	// chaosInHand is how long an event may have been in a replica's hands, not
	// posted yet, because its destination was held.
	chaosInHand = 6 * time.Second

	chaosUnexplained = "unexplained"
	// chaosInFlight ends the causes of what was in flight.
	chaosInFlight = " in flight"
)

// chaosBlame is what led to duplicates: a harm, and whether the events were in
// flight or in hand as it was done.
type chaosBlame struct {
	harm   int
	inHand bool
}

// judgeDuplicates finds the cause of each time an event was taken beyond the
// first, and that there is one. What was done to a process explains no more
// duplicates than there were requests in flight, or events in hand, that it
// could strike. It returns the duplicates by cause.
func (c *chaos) judgeDuplicates() map[string]int {
	causes, explained := map[string]int{}, map[chaosBlame]int{}
	for key, rs := range c.webhook.requests {
		var before *chaosRequest
		for i := range rs {
			if !rs[i].taken() {
				continue
			}
			if before != nil {
				cause, harm := c.blame(*before, rs[i])
				causes[cause]++
				explained[chaosBlame{harm, !strings.HasSuffix(cause, chaosInFlight)}]++
				c.judgeDuplicate(key, *before, rs[i], cause)
			}
			before = &rs[i]
		}
	}
	for of, n := range explained {
		if of.harm == noHarm {
			continue
		}
		h := c.harms.all[of.harm]
		most, what := c.exposed(h), "requests in flight"
		if of.inHand {
			most, what = h.hands(), "events in hand"
		}
		c.worst[h.title()] = max(c.worst[h.title()], n)
		if n > most {
			c.complain("too many duplicates", "%d because %s was %s at %s, with %d %s", n, h.life, h.kind, stamp(h.from), most, what)
		}
	}
	return causes
}

// exposed returns how many requests were in flight as something was done to
// their sender or to the server, or answered so shortly before that the
// acknowledgement may not have got through.
func (c *chaos) exposed(h chaosHarm) (n int) {
	for _, rs := range c.webhook.requests {
		for _, r := range rs {
			from := r.came
			if h.kind == "frozen" {
				from = from.Add(-chaosThaw)
			}
			if (h.name == chaosServer || h.life == r.sender) && h.overlaps(from, r.settled.Add(chaosAckTime)) {
				n++
			}
		}
	}
	return n
}

// hands returns how many events may be in hand in what was harmed: for each
// route those that can start, and what its pace starts within a tenth of a
// second, which the limit of its destination bounds.
func (h chaosHarm) hands() int {
	const each = chaosConcurrency + chaosLimit/10
	if h.name == chaosServer {
		return each * len(chaosRoutes()) * chaosReplicas
	}
	return each * len(chaosRoutes())
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
		{chaosInFlight, before.came, acked, func(h chaosHarm) bool { return h.kind == "killed" && h.life == before.sender }},
		{chaosInFlight, before.came.Add(-chaosThaw), acked, func(h chaosHarm) bool { return h.kind == "frozen" && h.life == before.sender }},
		{chaosInFlight, before.came, acked, func(h chaosHarm) bool { return h.name == chaosServer }},
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
