package bridge

import (
	"context"
	"sync"
)

// Slot is a lock that can be waited for without being taken. The zero Slot is
// free. It must not be copied.
type Slot struct {
	mu    sync.Mutex
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
	s.freed = make(chan struct{})
	return s.give, true
}

func (s *Slot) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.freed)
	s.freed = nil
}
