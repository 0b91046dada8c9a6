package stream

// mostRecent is how many accepted events a route remembers: as many as a server
// that was killed can have forgotten the acknowledgements of, and then some.
const mostRecent = 4096

// recent is the set of the latest events, the oldest of which it forgets. The
// zero recent is empty.
type recent struct {
	set  map[identity]struct{}
	ring []identity
	next int
}

func (r *recent) add(id identity) {
	if r.has(id) {
		return
	}
	if r.set == nil {
		r.set = map[identity]struct{}{}
	}
	r.set[id] = struct{}{}
	if len(r.ring) < mostRecent {
		r.ring = append(r.ring, id)
		return
	}
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % mostRecent
}

func (r *recent) has(id identity) bool {
	_, ok := r.set[id]
	return ok
}
