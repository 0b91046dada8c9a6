package bridge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// target is where a route's events go now.
type target struct {
	mu  sync.Mutex // of replace
	now atomic.Pointer[stay]
}

// stay is the time for which a destination is the one that events go to.
type stay struct {
	destination *Destination
	over        context.Context //nolint:containedctx // it ends every visit of that time
	end         context.CancelFunc
	since       time.Time // zero for the first
}

func newTarget(d *Destination) *target {
	t := &target{}
	t.now.Store(newStay(d))
	return t
}

func newStay(d *Destination) *stay {
	over, end := context.WithCancel(context.Background())
	return &stay{destination: d, over: over, end: end}
}

// replace ends every visit to another destination than d.
func (t *target) replace(d *Destination) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before := t.now.Load(); before.destination != d {
		now := newStay(d)
		now.since = time.Now()
		t.now.Store(now)
		before.end()
	}
}

func (t *target) current() *Destination { return t.now.Load().destination }

// visit is the time that an event spends on one destination: at its gate, being
// posted, and between two requests. It is a context, which ends with the event's
// own and as soon as the destination is replaced. An event that waits nowhere
// costs it nothing: only who asks for Done has the two joined.
type visit struct {
	context.Context //nolint:containedctx // the event's own
	*stay
	target *target

	join   sync.Once
	joined context.Context //nolint:containedctx // the two, once they are joined
	leave  func()
	left   atomic.Bool // and Done is closed
}

// visit begins a visit to the present destination. The caller calls depart.
func (t *target) visit(ctx context.Context) *visit {
	return &visit{Context: ctx, stay: t.now.Load(), target: t}
}

// Err is of context.Context. Whoever has seen Done closed finds an error: contexts
// made from this one panic where there is none.
func (v *visit) Err() error {
	if err := v.Context.Err(); err != nil {
		return err
	}
	if v.left.Load() {
		return context.Canceled
	}
	return v.over.Err()
}

// Done is of context.Context.
func (v *visit) Done() <-chan struct{} {
	v.join.Do(func() {
		joined, leave := context.WithCancel(v.Context)
		stop := context.AfterFunc(v.over, leave)
		v.joined, v.leave = joined, func() { stop(); leave() }
	})
	return v.joined.Done()
}

// depart ends the visit.
func (v *visit) depart() {
	if v.leave != nil {
		v.left.Store(true)
		v.leave()
	}
}

// replaced reports whether the destination has been replaced.
func (v *visit) replaced() bool { return v.over.Err() != nil }

// heard is what an answer says about the destination. The refusal of a key that
// has been replaced meanwhile says nothing about the webhook with its new one.
func (v *visit) heard(a Answer) Answer {
	now := v.target.current()
	if a.Class == ClassMisconfigured && now != v.destination && now.URL.ID() == v.destination.URL.ID() {
		a.Class = ClassInterrupted
	}
	return a
}

// meant is what an answer says about the event. The failure of a destination
// that has been replaced meanwhile counts against no event: it goes to the new
// one.
func (v *visit) meant(a Answer) Answer {
	if a.Class == ClassFailed && v.replaced() {
		a.Class = ClassInterrupted
	}
	return a
}
