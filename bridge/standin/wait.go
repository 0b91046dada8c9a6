package standin

import (
	"context"
	"fmt"
)

// Wait returns the arrivals kept once the outcome of n of all that arrived is
// known. Its only error is ctx's, with the number there was.
func (s *Server) Wait(ctx context.Context, n int) ([]Arrival, error) {
	err := s.WaitForCounts(ctx, func(c Counts) bool { return c.Settled >= n })
	if err != nil {
		return nil, fmt.Errorf("wait for %d arrivals at the stand-in, %d settled: %w", n, s.Counts().Settled, ctx.Err())
	}
	return s.Arrivals(), nil
}

// WaitFor returns the arrivals kept once they fulfil a condition, which is
// asked at every change and also sees requests that wait for their answer. Its
// only error is ctx's. Each question copies the arrivals: for many thousands
// WaitForCounts is the better one.
func (s *Server) WaitFor(ctx context.Context, fulfilled func([]Arrival) bool) ([]Arrival, error) {
	var as []Arrival
	err := s.await(ctx, func() bool {
		as = s.Arrivals()
		return fulfilled(as)
	})
	if err != nil {
		return nil, err
	}
	return as, nil
}

// WaitForCounts returns once the counts fulfil a condition, which is asked at
// every change. Its only error is ctx's.
func (s *Server) WaitForCounts(ctx context.Context, fulfilled func(Counts) bool) error {
	return s.await(ctx, func() bool { return fulfilled(s.Counts()) })
}

func (s *Server) await(ctx context.Context, fulfilled func() bool) error {
	for {
		changed := s.journal.change() // before the question, so no change is missed
		if fulfilled() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c := s.Counts()
			return fmt.Errorf("wait for the stand-in, %d arrived, %d settled: %w", c.Arrived, c.Settled, ctx.Err())
		}
	}
}
