package replay

import (
	"errors"
	"sync"
)

// Tally is how far a run has got.
type Tally struct {
	// Total is how many there are to deal with.
	Total int
	// Done are those that were dealt with: stored for redelivery, a letter also
	// deleted; or discarded. Already are those among them whose copy an earlier
	// run had stored.
	Done, Already int
	// Gone are those that were no longer there when it was their turn.
	Gone int
	// Failed are those that were left where they are, and why.
	Failed []Failure
}

// Left returns how many were not reached.
func (t Tally) Left() int { return t.Total - t.Done - t.Gone - len(t.Failed) }

// Failure is a message that could not be dealt with, while others could.
type Failure struct {
	// ID is its sequence in its stream.
	ID  uint64
	Err error
}

// Progress is told of every step of a run, one at a time, and must not block.
type Progress func(Tally)

// counter keeps a tally for those who work at the same time.
type counter struct {
	mu       sync.Mutex
	tally    Tally
	reached  []bool
	kept     []uint64 // letters whose copies are stored
	progress Progress
}

func newCounter(n int, p Progress) *counter {
	if p == nil {
		p = func(Tally) {}
	}
	return &counter{tally: Tally{Total: n}, reached: make([]bool, n), progress: p}
}

// reach notes what has become of the i-th.
func (c *counter) reach(i int, note func(*Tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached[i] = true
	note(&c.tally)
	c.progress(c.tally)
}

// front returns how many were reached without a gap from the first on.
func (c *counter) front() int {
	for i, reached := range c.reached {
		if !reached {
			return i
		}
	}
	return len(c.reached)
}

// noneDone reports whether none was dealt with yet.
func (c *counter) noneDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally.Done == 0
}

// keep notes a letter that stays although its copy is stored.
func (c *counter) keep(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, id)
}

// note counts what became of the i-th, and returns the error that concerns
// others too.
func (c *counter) note(i int, id uint64, already bool, err error) error {
	var kept *KeptError
	switch {
	case err == nil:
		c.reach(i, func(t *Tally) {
			t.Done++
			if already {
				t.Already++
			}
		})
	case errors.Is(err, ErrNoLetter):
		c.reach(i, func(t *Tally) { t.Gone++ })
	case individual(err):
		c.reach(i, func(t *Tally) { t.Failed = append(t.Failed, Failure{id, err}) })
	case errors.As(err, &kept):
		c.keep(id)
		return kept.Err
	default:
		return err
	}
	return nil
}
