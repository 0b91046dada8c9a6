package stream

import (
	"context"
	"sync"
	"time"
)

// Tenure is the time for which this replica owns an ordered route. Package
// lease has the real one.
type Tenure interface {
	// Holds reports whether the replica owns the route now. It may be false for
	// a while and true again, until the tenure is over.
	Holds() bool
	// Over is closed when the route is somebody else's.
	Over() <-chan struct{}
	// Predecessor tells when an owner that did not release the route was heard
	// at the latest, and reports false where there was none.
	Predecessor() (heard time.Time, crashed bool)
	// Release lets another replica own the route at once.
	Release(ctx context.Context) error
	// Abandon lets the tenure run out.
	Abandon()
}

// Acquire waits until this replica owns a route. An owner that is silent for
// life is taken for gone. Its only error is ctx's.
type Acquire func(ctx context.Context, route string, life time.Duration) (Tenure, error)

// lifeShare is the part of the ack wait for which an owner may be silent. What
// a dead owner had in hand comes back after the whole of it anyway, so there is
// no hurry; an owner that is only cut off for a moment keeps the route.
const lifeShare = 2

// claim keeps trying to own an ordered route, and says when it does.
type claim struct {
	route   string
	acquire Acquire
	started sync.Once
	changed chan struct{} // has one in it when the tenure has changed
	done    chan struct{} // closed when nothing changes any more; nil: never ran

	mu     sync.Mutex
	tenure Tenure
}

func newClaim(route string, a Acquire) *claim {
	return &claim{route: route, acquire: a, changed: make(chan struct{}, 1)}
}

// start claims the route, once, until ctx is done.
func (l *claim) start(ctx context.Context, life time.Duration) {
	l.started.Do(func() {
		l.done = make(chan struct{})
		go l.run(ctx, life)
	})
}

// run claims the route until ctx is done. The tenure that there is then stays,
// for what is in flight.
func (l *claim) run(ctx context.Context, life time.Duration) {
	defer close(l.done)
	for {
		t, err := l.acquire(ctx, l.route, life)
		if err != nil {
			return
		}
		l.set(t)
		select {
		case <-ctx.Done():
			return
		case <-t.Over():
			t.Abandon()
			l.set(nil)
		}
	}
}

func (l *claim) set(t Tenure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tenure = t
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// present is the tenure that there is, or nil.
func (l *claim) present() Tenure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tenure
}

// end gives the route up, after run's context has ended: at once if nothing of
// it is in hand any more, else when the lease runs out.
func (l *claim) end(ctx context.Context, clean bool) error {
	if l.done == nil {
		return nil
	}
	<-l.done
	t := l.present()
	switch {
	case t == nil:
		return nil
	case clean:
		return t.Release(ctx)
	}
	t.Abandon()
	return nil
}
