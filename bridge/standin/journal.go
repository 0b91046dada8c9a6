package standin

import (
	"sync"
	"time"
)

// entry is an arrival in the journal. The journal's lock guards it.
type entry struct {
	Arrival
	left bool
}

// journal keeps what arrived, counts it, and wakes those who wait for it.
type journal struct {
	keep      int
	onArrival func(Arrival)
	calling   sync.Mutex // one onArrival at a time

	mu      sync.Mutex // guards what follows
	entries []*entry
	tally   tally
	changed chan struct{} // closed and replaced at every change
}

func newJournal(keep int, onArrival func(Arrival)) *journal {
	return &journal{keep: keep, onArrival: onArrival, tally: newTally(), changed: make(chan struct{})}
}

// arrived numbers and keeps an arrival.
func (j *journal) arrived(a Arrival) *entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tally.arrived(a)
	a.Number = j.tally.Arrived
	e := &entry{Arrival: a}
	if j.keep > 0 && len(j.entries) == j.keep {
		j.entries[0] = nil
		j.entries = j.entries[1:]
	}
	j.entries = append(j.entries, e)
	j.wake()
	return e
}

// settle gives an arrival its outcome, once.
func (j *journal) settle(e *entry, o Outcome, status int) {
	a := j.settled(e, o, status)
	if j.onArrival == nil {
		return
	}
	j.calling.Lock()
	defer j.calling.Unlock()
	j.onArrival(a)
}

func (j *journal) settled(e *entry, o Outcome, status int) Arrival {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Settled, e.Outcome, e.Status = time.Now(), o, status
	j.tally.settled(e.Arrival)
	j.wake()
	return e.Arrival
}

// left takes an arrival out of those in flight; the second time does nothing.
func (j *journal) left(e *entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !e.left {
		e.left = true
		j.tally.inFlight[e.Path]--
	}
}

func (j *journal) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) arrivals() []Arrival {
	j.mu.Lock()
	defer j.mu.Unlock()
	as := make([]Arrival, len(j.entries))
	for i, e := range j.entries {
		as[i] = e.Arrival
	}
	return as
}

func (j *journal) counts() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tally.clone()
}

func (j *journal) change() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}
