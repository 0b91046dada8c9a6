package standin

import "math/rand/v2"

// Fault is a behaviour that strikes some of the requests of a path.
type Fault struct {
	// Path is the path it applies to, with or without its leading slash;
	// empty: every path.
	Path string
	// Do is what happens to a request that it strikes.
	Do Behaviour
	// Rate says which requests it strikes; the zero Rate is every one.
	Rate Rate
}

// String returns the fault as ParseFault reads it, as far as it can say what
// the fault does.
func (f Fault) String() string {
	text := f.Do.String()
	if f.Path != "" {
		text = f.Path + "=" + text
	}
	if r := f.Rate.String(); r != "" {
		text += ":" + r
	}
	return text
}

// dice decides for one fault which requests it strikes.
type dice struct {
	fault Fault
	path  string
	seen  int
	rand  *rand.Rand
}

// newDice gives each fault its own chances, so that one fault more does not
// change those of the others.
func newDice(faults []Fault, seed uint64) []*dice {
	all := make([]*dice, len(faults))
	for i, f := range faults {
		//nolint:gosec // repeatable on purpose; i is an index
		all[i] = &dice{fault: f, path: cleanPath(f.Path), rand: rand.New(rand.NewPCG(seed, uint64(i)))}
	}
	return all
}

func (d *dice) strikes(path string) bool {
	if d.path != "" && d.path != path {
		return false
	}
	d.seen++
	return d.fault.Rate.strikes(d.seen, d.rand)
}

// fault returns the first fault that strikes a request of the path, or Accept.
func (s *Server) fault(path string) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.faults {
		if d.strikes(path) {
			return d.fault.Do
		}
	}
	return Accept()
}
