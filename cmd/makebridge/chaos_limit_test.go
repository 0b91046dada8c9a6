package main

import (
	"slices"
	"time"
)

// chaosOnTheirWay is how many requests to a destination, which has two routes,
// may have been sent and not have come yet.
const chaosOnTheirWay = chaosReplicas * 2 * chaosConcurrency

// at returns the requests to a path in the order in which they came.
func (c *chaos) at(path string) (all []chaosRequest) {
	for key, rs := range c.webhook.requests {
		if key.path == path {
			all = append(all, rs...)
		}
	}
	slices.SortFunc(all, func(a, b chaosRequest) int { return a.came.Compare(b.came) })
	return all
}

// judgeLimit looks at every sliding window of every destination. What is
// promised is the times at which requests are sent. Those on their way as a window
// begins come within it, too, however long they linger: one that its sender was
// about to write as it was frozen goes out when it thaws, which no bridge can help.
func (c *chaos) judgeLimit() {
	const most = chaosLimit + chaosOnTheirWay
	for _, path := range chaosPaths() {
		all := c.at(path)
		for i := 0; i+most < len(all); i++ {
			if gap := all[i+most].came.Sub(all[i].came); gap < chaosWindow {
				c.complain("limit", "%d requests to %s within %s, from %s", most+1, path, gap, stamp(all[i].came))
			}
		}
	}
}

// judgeHolds looks at the times in which every request to a destination was
// answered in a way that holds it, and all replicas that ran could learn of it
// from the first of these answers: then only probes come, one after another. It
// returns how many such times there were.
func (c *chaos) judgeHolds() (quiet int) {
	const learned = time.Second // within which every replica obeys
	unaware := func(h chaosHarm) bool { return h.name == chaosServer || h.kind == "frozen" }
	for _, p := range c.webhook.phases {
		if !p.fault.holds || p.rate < 1 {
			continue
		}
		all := c.at(p.path)
		// One whose sender was gone before it could say so told nobody.
		first := slices.IndexFunc(all, func(r chaosRequest) bool {
			gone := func(h chaosHarm) bool { return h.life == r.sender }
			return r.came.After(p.from) && c.harms.find(r.came, r.came.Add(learned), gone) == noHarm
		})
		if first < 0 {
			continue
		}
		// Where no replica ran when it began, nobody knew before.
		from, to := all[first].came.Add(learned), p.to
		if !from.Before(to) ||
			c.harms.find(p.from.Add(-learned), to, unaware) != noHarm {
			continue
		}
		quiet++
		var senders []string
		for _, r := range all[first:] {
			if r.came.After(from) && r.came.Before(to) {
				senders = append(senders, r.sender)
			}
		}
		if most := 1 + int(to.Sub(from)/(chaosHoldMin*8/10)); len(senders) > most {
			c.complain("hold", "%d requests to %s from %s to %s, while it answered %s, want at most %d; from %v",
				len(senders), p.path, stamp(from), stamp(to), p.fault.name, most, senders)
		}
	}
	return quiet
}
