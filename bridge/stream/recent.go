package stream

import "slices"

// mostRecent is how many accepted events a route remembers: as many as a server
// that was killed can have forgotten the acknowledgements of, and then some.
const mostRecent = 4096

// recent is the set of the latest events, the oldest of which it forgets. The
// zero recent is empty.
//
// It is asked about every event that arrives, and nearly all of those are
// younger than any that it holds: only the others are looked for, one by one.
type recent struct {
	ring   []identity
	next   int
	latest int64 // the youngest publication of all that were added
}

func (r *recent) add(id identity) {
	r.latest = max(r.latest, id.published)
	if len(r.ring) < mostRecent {
		r.ring = append(r.ring, id)
		return
	}
	r.ring[r.next] = id
	r.next = (r.next + 1) % mostRecent
}

func (r *recent) has(id identity) bool {
	return id.published <= r.latest && slices.Contains(r.ring, id)
}
