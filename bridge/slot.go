package bridge

import (
	"context"
	"sync"
)

// Slot is a lock that can be waited for without being taken. The zero Slot is
// free, and for one holder at a time. It must not be copied.
type Slot struct {
	most int // holders at a time; 0: one

	mu    sync.Mutex
	taken int
	freed chan struct{} // nil: it is free; closed once it is
}

// Await returns when the slot is free, which it need not be any more as it
// returns. Its only error is ctx's.
func (s *Slot) Await(ctx context.Context) error {
	s.mu.Lock()
	freed := s.freed
	s.mu.Unlock()
	if freed == nil {
		return ctx.Err()
	}
	select {
	case <-freed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Take takes the slot if it is free, until end is called, once.
func (s *Slot) Take() (end func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed != nil {
		return nil, false
	}
	if s.taken++; s.taken >= max(1, s.most) {
		s.freed = make(chan struct{})
	}
	return s.give, true
}

func (s *Slot) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}
