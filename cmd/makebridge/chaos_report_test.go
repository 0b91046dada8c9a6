package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// report says what was done and what came of it, and complains of what was not
// done: what passes because nothing happened proves nothing. There is time for
// each of these even in the shortest run, or it goes on until enough has happened.
func (c *chaos) report(duplicates, order map[string]int, quietHolds int) {
	did, all, harms := c.tally(), 0, c.harms.count()
	for _, n := range duplicates {
		all += n
	}
	for _, what := range []string{"requests", "delivered", "repeated publishes", "redeliveries", "holds", "letters"} {
		c.expect(what, did[what])
	}
	for _, what := range chaosHarmsToBridges() {
		c.expect(what, harms[what])
	}
	c.expect("duplicates", all)
	for _, what := range []string{chaosTakeovers, chaosOverlaps, chaosFollowed} {
		c.expect(what, order[what])
	}
	faults := map[string]int{}
	for _, p := range c.webhook.phases {
		faults[p.fault.name]++
	}
	if len(c.webhook.phases) >= 2*len(chaosFaults()) { // the deck was dealt to its end
		for _, f := range chaosFaults() {
			c.expect(f.name, faults[f.name])
		}
	}
	often, seldom := c.harmsToNATS()
	for _, what := range often {
		c.expect(what, harms[what])
	}
	for _, what := range seldom {
		if c.duration >= 4*chaosDuration {
			c.expect(what, harms[what])
		}
	}

	c.t.Logf("MAKEBRIDGE_CHAOS_SEED=%d MAKEBRIDGE_CHAOS_DURATION=%s", c.seed, c.duration)
	c.t.Logf("traffic: %s", listed(did))
	c.t.Logf("processes: %s", listed(harms))
	c.t.Logf("webhooks: %s; %d of them held it for all to know", listed(faults), quietHolds)
	c.t.Logf("duplicates: %s", listed(duplicates))
	c.t.Logf("order: %s", listed(order))
	c.t.Logf("the most because of one: %s; the most deliveries of an event: %d", listed(c.worst), c.deliveries)
	if len(c.complaints) > 0 {
		c.t.Logf("complaints: %s", listed(c.complaints))
		c.timeline()
	}
}

// chaosHarmsToBridges names what must be done to bridges in any run.
func chaosHarmsToBridges() []string {
	return []string{"bridge killed", "bridge stopped", "bridge frozen"}
}

// enough reports whether that of what the report asks for has happened which a
// run may do without: not all answers strike, and not all harms.
func (c *chaos) enough() bool {
	harms := c.harms.count()
	often, _ := c.harmsToNATS()
	for _, what := range slices.Concat(chaosHarmsToBridges(), often) {
		if harms[what] == 0 {
			return false
		}
	}
	return c.holds() > 0 && c.takenOver()
}

// holds counts the holds, by the replicas that began them.
func (c *chaos) holds() int { return c.logged(`"msg":"destination held"`, `"failed_probes":0`) }

// tally counts what went through.
func (c *chaos) tally() map[string]int {
	n := map[string]int{
		"letters": len(c.letters), "holds": c.holds(),
		"suspects":            c.logged("which is now handled with caution"),
		"takeovers cut short": c.logged("not all events that were handed out have come back"),
		"forsaken":            c.logged("the server no longer has events that were waited for"),
	}
	for id, e := range c.ledger.events {
		n["repeated publishes"] += e.repeats
		if e.acked {
			n["acknowledged"]++
		} else {
			n["unknown"]++
		}
		for _, r := range e.routes() {
			if c.webhook.took(id, r.path) {
				n["delivered"]++
			}
		}
	}
	for _, rs := range c.webhook.requests {
		n["requests"] += len(rs)
		for _, r := range rs {
			if r.delivery > 1 {
				n["redeliveries"]++
			}
			if r.cutOff() {
				n["requests cut off"]++
			}
		}
	}
	return n
}

// logged counts the lines of the bridges that have all of these in them.
func (c *chaos) logged(parts ...string) (n int) {
	for _, p := range c.bridges {
		for line := range bytes.Lines(p.text()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !bytes.Contains(line, []byte(part)) }) {
				n++
			}
		}
	}
	return n
}

func (c *chaos) expect(what string, n int) {
	if n == 0 {
		c.complain("nothing proved", "no %s", what)
	}
}

// complain fails the test. Of each kind the first few are told, and at the end
// how many there were.
func (c *chaos) complain(kind, format string, args ...any) {
	const told = 5
	if c.complaints[kind]++; c.complaints[kind] <= told {
		c.t.Errorf(kind+": "+format, args...)
	}
}

// timeline says when what was done.
func (c *chaos) timeline() {
	var lines []string
	for _, h := range c.harms.all {
		lines = append(lines, fmt.Sprintf("%s to %s: %s %s", stamp(h.from), stamp(h.to), h.life, h.kind))
	}
	for _, p := range c.webhook.phases {
		lines = append(lines, fmt.Sprintf("%s to %s: %s at %s, for %.0f %% of the requests", stamp(p.from), stamp(p.to), p.fault.name, p.path, 100*p.rate))
	}
	slices.Sort(lines)
	c.t.Logf("what was done:\n%s", strings.Join(lines, "\n"))
}

func stamp(t time.Time) string { return t.Format("15:04:05.000") }

// listed writes counts in the order of their names.
func listed(counts map[string]int) string {
	var parts []string
	for name, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, name))
	}
	slices.SortFunc(parts, func(a, b string) int {
		_, a, _ = strings.Cut(a, " ")
		_, b, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	return strings.Join(parts, ", ")
}
