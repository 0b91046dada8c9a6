package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// What is counted of the routes that keep an order.
const (
	chaosTakeovers = "takeovers"
	// chaosOverlaps are requests that came while one of another key of the same
	// route was in flight, chaosFollowed events that had others of their key
	// before them.
	chaosOverlaps = "requests beside those of other keys"
	chaosFollowed = "events behind others"
)

// chaosThaw is how long after it thaws a process may take to write a request
// that it was about to write.
const chaosThaw = 500 * time.Millisecond

// chaosPost is a request with the event that it brought.
type chaosPost struct {
	chaosRequest
	id       string
	key      string
	sequence uint64
}

// posts returns the requests of a route in the order in which they came.
func (c *chaos) posts(route chaosRoute) (all []chaosPost) {
	for key, rs := range c.webhook.requests {
		e := c.ledger.events[key.id]
		if key.path != route.path || !slices.Contains(e.routes(), route) {
			continue
		}
		stored, ok := c.stored[key.id]
		if !ok {
			c.complain("not stored", "event %s was posted", key.id)
			continue
		}
		p := chaosPost{id: key.id, sequence: stored.sequence}
		if route.ordering == bridge.OrderingKey {
			p.key = e.key
		}
		for _, r := range rs {
			p.chaosRequest = r
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b chaosPost) int { return a.came.Compare(b.came) })
	return all
}

// takenOver reports whether a route that keeps an order has had two owners.
func (c *chaos) takenOver() bool {
	owners := map[string]string{} // by route
	c.webhook.mu.Lock()
	defer c.webhook.mu.Unlock()
	for key, rs := range c.webhook.requests {
		for _, route := range c.ledger.event(key.id).routes() {
			if route.path != key.path || !route.ordering.Keeps() {
				continue
			}
			for _, r := range rs {
				if owner, ok := owners[route.name]; ok && owner != r.sender {
					return true
				}
				owners[route.name] = r.sender
			}
		}
	}
	return false
}

func (p chaosPost) String() string {
	return fmt.Sprintf("%s (key %q, sequence %d) from %s (%d.%d) at %s", p.id, p.key, p.sequence, p.sender, p.delivery, p.attempt, stamp(p.came))
}

// judgeOrder looks at the routes that keep an order, and returns what it counts.
func (c *chaos) judgeOrder() map[string]int {
	counts, because := map[string]int{}, map[chaosUpset]int{}
	for _, route := range chaosRoutes() {
		if !route.ordering.Keeps() {
			continue
		}
		all, lanes := c.posts(route), map[string][]chaosPost{}
		for i, p := range all {
			lanes[p.key] = append(lanes[p.key], p)
			if i > 0 && p.sender != all[i-1].sender {
				counts[chaosTakeovers]++
			}
		}
		counts[chaosOverlaps] += overlaps(all)
		for _, lane := range lanes {
			counts[chaosFollowed] += c.judgeLane(route, lane, because)
		}
	}
	for u, n := range because {
		h, most := c.harms.all[u.harm], chaosConcurrency // those that were about to be written
		if h.name == chaosServer {
			most = c.exposed(h)
		}
		counts["out of order since "+h.title()] += n
		if n > most {
			c.complain("too much out of order", "%d on route %s because %s was %s at %s, want at most %d", n, u.route, h.life, h.kind, stamp(h.from), most)
		}
	}
	return counts
}

// overlaps counts the requests that came while one of another key was in flight.
func overlaps(all []chaosPost) (n int) {
	for i, p := range all {
		// One that hangs does so for a second; nobody looks further back.
		for j := i - 1; j >= 0 && p.came.Sub(all[j].came) < 2*time.Second; j-- {
			if all[j].key != p.key && all[j].settled.Add(chaosAnswer).After(p.came) {
				n++
				break
			}
		}
	}
	return n
}

// chaosUpset is what led to events of a route out of their order.
type chaosUpset struct {
	route string
	harm  int
}

// judgeLane: of the events of one key, each is posted only when those before it
// have been taken, and none when one after it has been. It returns how many
// events there were beyond the first.
func (c *chaos) judgeLane(route chaosRoute, lane []chaosPost, because map[chaosUpset]int) (followed int) {
	order := slices.SortedFunc(slices.Values(lane), func(a, b chaosPost) int { return cmp.Compare(a.sequence, b.sequence) })
	order = slices.CompactFunc(order, func(a, b chaosPost) bool { return a.sequence == b.sequence })
	taken, latest, first := map[uint64][]chaosPost{}, chaosPost{}, 0
	for _, p := range lane {
		switch {
		case p.sequence > order[first].sequence:
			c.complain("too early", "on route %s %s, before %s was taken", route.name, p, order[first])
		case p.sequence < latest.sequence && !p.cutOff():
			if upset := c.upset(p, taken[p.sequence]); upset != noHarm {
				because[chaosUpset{route.name, upset}]++
			} else {
				c.complain("too late", "on route %s %s, after %s was taken", route.name, p, latest)
			}
		}
		if !p.taken() {
			continue
		}
		taken[p.sequence] = append(taken[p.sequence], p)
		if p.sequence > latest.sequence {
			latest = p
		}
		for first < len(order)-1 && len(taken[order[first].sequence]) > 0 {
			first++
		}
	}
	return len(order) - 1
}

// upset returns the harm because of which an event that was taken before came
// again, with others after it taken.
func (c *chaos) upset(again chaosPost, before []chaosPost) int {
	// Its sender was frozen between its last look at the clock and the write …
	frozen := func(h chaosHarm) bool { return h.kind == "frozen" && h.life == again.sender }
	if i := c.harms.find(again.came.Add(-chaosThaw), again.came, frozen); i != noHarm {
		return i
	}
	// … or a server that is alone forgot an acknowledgement. Three do not.
	for _, p := range before {
		forgets := func(h chaosHarm) bool { return h.title() == "server killed" }
		if i := c.harms.find(p.came, p.settled.Add(chaosAckTime), forgets); i != noHarm {
			return i
		}
	}
	return noHarm
}
