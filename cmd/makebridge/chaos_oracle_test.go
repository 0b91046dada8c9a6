package main

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// judge compares what was acknowledged with what arrived, and says what was
// done. Nothing runs any more.
func (c *chaos) judge() {
	c.t.Helper()
	for _, rs := range c.webhook.requests {
		slices.SortFunc(rs, func(a, b chaosRequest) int { return a.came.Compare(b.came) })
	}
	c.judgeArrivals()
	c.judgeLedger(c.judgeLetters())
	c.judgeCounts()
	c.judgeDeliveries()
	c.judgeLimit()
	quiet := c.judgeHolds()
	duplicates := c.judgeDuplicates()
	order := c.judgeOrder()
	c.judgeLogs()
	c.report(duplicates, order, quiet)
}

// judgeArrivals: nothing arrives that was not published, or elsewhere, or with
// another body.
func (c *chaos) judgeArrivals() {
	for key, rs := range c.webhook.requests {
		e, known := c.ledger.events[key.id]
		onRoute := slices.ContainsFunc(e.routes(), func(r chaosRoute) bool { return r.path == key.path })
		switch {
		case !known || !onRoute:
			c.complain("invented", "event %q at %s", key.id, key.path)
		case e.invalid:
			c.complain("invalid", "event %s was posted to %s", key.id, key.path)
		}
		for _, r := range rs {
			if known && r.body != e.body && !r.cutOff() {
				c.complain("another body", "event %s at %s from %s at %s: %s %d", key.id, key.path, r.sender, stamp(r.came), r.outcome, r.status)
			}
		}
	}
}

// chaosLetter is a dead letter by its event and route.
type chaosLetter struct{ id, route string }

// judgeLetters: only invalid events are dead-lettered, as they were, and once
// for each route. No webhook ever rejects an event, no event fails so often that
// it is exhausted, and none is blamed for the ends that processes come to.
func (c *chaos) judgeLetters() map[chaosLetter]bool {
	letters := map[chaosLetter]bool{}
	for _, m := range c.letters {
		header := func(name string) string { return m.Header.Get("Makebridge-" + name) }
		l := chaosLetter{m.Header.Get(chaosID), header("Route")}
		e, known := c.ledger.events[l.id]
		switch {
		case !known || m.Subject != "dlq."+l.route+"."+e.subject:
			c.complain("invented letter", "%q at %s", l.id, m.Subject)
		case letters[l]:
			c.complain("second letter", "%s for %s", l.id, l.route)
		case header("Reason") == "crashed":
			c.complain("blamed", "%s by %s, though none ends a process: deliveries %s, %s", l.id, l.route, header("Deliveries"), header("Error"))
		case !e.invalid || header("Reason") != "invalid":
			c.complain("dead-lettered", "%s by %s as %s (invalid: %t): deliveries %s, status %s, %s", l.id, l.route,
				header("Reason"), e.invalid, header("Deliveries"), header("Status"), header("Error"))
		case sha256.Sum256(m.Data) != e.body:
			c.complain("another body", "letter of %s", l.id)
		}
		letters[l] = true
	}
	return letters
}

// judgeLedger: every event that was acknowledged was taken by the destination
// of each of its routes, or is dead-lettered.
func (c *chaos) judgeLedger(letters map[chaosLetter]bool) {
	for id, e := range c.ledger.events {
		for _, r := range e.routes() {
			if e.acked && !c.webhook.took(id, r.path) && !letters[chaosLetter{id, r.name}] {
				c.complain("lost", "event %s on route %s, published to %s", id, r.name, e.subject)
			}
		}
	}
}

// judgeCounts: the pair of delivery and attempt only grows. A server that was
// killed may have forgotten deliveries; and a replica that was frozen, or cut
// off from the server for the ack wait, may have in hand what has been delivered
// elsewhere since.
func (c *chaos) judgeCounts() {
	for key, rs := range c.webhook.requests {
		for i := 1; i < len(rs); i++ {
			before, r := rs[i-1], rs[i]
			grows := r.delivery > before.delivery || r.delivery == before.delivery && r.attempt > before.attempt
			excused := func(h chaosHarm) bool { return h.name == chaosServer || h.kind == "frozen" && h.life == r.sender }
			if !grows && c.harms.find(rs[0].came.Add(-chaosInHand), r.came, excused) == noHarm {
				c.complain("count", "event %s at %s: %d.%d of %s came at %s, after %d.%d of %s at %s", key.id, key.path,
					r.delivery, r.attempt, r.sender, stamp(r.came), before.delivery, before.attempt, before.sender, stamp(before.came))
			}
		}
	}
}

// judgeLogs: no process panicked or raced.
func (c *chaos) judgeLogs() {
	for _, p := range c.processes() {
		text := p.text()
		for _, bad := range []string{"panic:", "DATA RACE", "fatal error:"} {
			if at := bytes.Index(text, []byte(bad)); at >= 0 {
				c.complain("log", "%s of %s:\n%s", bad, p.name, text[at:min(len(text), at+4000)])
			}
		}
	}
}
