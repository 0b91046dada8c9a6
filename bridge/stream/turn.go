package stream

import (
	"context"
	"sync"
)

// turn is a lock that can be waited for without taking it. The zero turn is
// free.
type turn struct {
	mu    sync.Mutex
	freed chan struct{} // nil: it is free; closed once it is
}

// await returns when the turn is free, which it need not be any more. Its only
// error is ctx's.
func (t *turn) await(ctx context.Context) error {
	t.mu.Lock()
	freed := t.freed
	t.mu.Unlock()
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

// take takes the turn if it is free, until end is called.
func (t *turn) take() (end func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed != nil {
		return nil, false
	}
	t.freed = make(chan struct{})
	return t.give, true
}

func (t *turn) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.freed)
	t.freed = nil
}
