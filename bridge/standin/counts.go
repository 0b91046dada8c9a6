package standin

import (
	"hash/maphash"
	"maps"
)

// Counts are of all arrivals since the stand-in was made.
type Counts struct {
	// Arrived counts the requests, Settled those whose outcome is known,
	// Accepted those for which Arrival.Accepted holds.
	Arrived, Settled, Accepted int
	// Events and AcceptedEvents are the different event ids among those that
	// arrived and among those accepted; a request without one adds nothing.
	// An event that two routes deliver is one event.
	Events, AcceptedEvents int
	// ByPath counts the arrivals of each path.
	ByPath map[string]int
	// ByStatus counts the settled by the status of their answer, 0: none.
	ByStatus map[int]int
	// Peak is the most requests that each path had in flight at a time. One
	// that hung counts until its client is seen to be gone.
	Peak map[string]int
}

func (c Counts) clone() Counts {
	c.ByPath, c.ByStatus, c.Peak = maps.Clone(c.ByPath), maps.Clone(c.ByStatus), maps.Clone(c.Peak)
	return c
}

// tally keeps the Counts up to date.
type tally struct {
	Counts
	inFlight map[string]int
	seed     maphash.Seed
	// events tells for each id whether the event was accepted. A hash in place
	// of the id keeps a long run small: a few dozen bytes an event.
	events map[uint64]bool
}

func newTally() tally {
	return tally{
		Counts:   Counts{ByPath: map[string]int{}, ByStatus: map[int]int{}, Peak: map[string]int{}},
		inFlight: map[string]int{},
		seed:     maphash.MakeSeed(),
		events:   map[uint64]bool{},
	}
}

func (t *tally) arrived(a Arrival) {
	t.Arrived++
	t.ByPath[a.Path]++
	t.inFlight[a.Path]++
	t.Peak[a.Path] = max(t.Peak[a.Path], t.inFlight[a.Path])
	if a.EventID == "" {
		return
	}
	id := maphash.String(t.seed, a.EventID)
	if _, known := t.events[id]; !known {
		t.events[id] = false
		t.Events++
	}
}

func (t *tally) settled(a Arrival) {
	t.Settled++
	t.ByStatus[a.Status]++
	if !a.Accepted() {
		return
	}
	t.Accepted++
	if a.EventID == "" {
		return
	}
	id := maphash.String(t.seed, a.EventID)
	if !t.events[id] {
		t.events[id] = true
		t.AcceptedEvents++
	}
}
