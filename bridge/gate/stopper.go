package gate

import (
	"context"
	"sync"
	"sync/atomic"
)

// stopper stops everybody who comes while it is paused. The zero stopper is
// not paused.
type stopper struct {
	paused atomic.Bool

	mu      sync.Mutex
	resumed chan struct{} // closed by resume
}

func (s *stopper) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused.Load() {
		s.resumed = make(chan struct{})
		s.paused.Store(true)
	}
}

func (s *stopper) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused.Load() {
		s.paused.Store(false)
		close(s.resumed)
	}
}

// wait returns once nothing is paused, or ctx's error.
func (s *stopper) wait(ctx context.Context) error {
	for s.paused.Load() {
		s.mu.Lock()
		resumed := s.resumed
		s.mu.Unlock()
		select {
		case <-resumed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}
