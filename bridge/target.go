package bridge

import (
	"context"
	"sync"
)

// target is where a route's events go now.
type target struct {
	mu          sync.Mutex
	destination *Destination
	visits      map[*visit]struct{} // those to the present destination
}

// visit is the time that an event spends on one destination: at its gate,
// being posted, and between two requests.
type visit struct {
	target      *target
	destination *Destination
	leave       context.CancelFunc
	gone        bool // the destination was replaced during the visit
}

func newTarget(d *Destination) *target {
	return &target{destination: d, visits: map[*visit]struct{}{}}
}

// visit begins a visit to the present destination. Its context ends with ctx
// and as soon as the destination is replaced. The caller calls end.
func (t *target) visit(ctx context.Context) (context.Context, *visit) {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &visit{target: t, destination: t.destination, leave: cancel}
	t.visits[v] = struct{}{}
	return ctx, v
}

// replace ends every visit to another destination than d.
func (t *target) replace(d *Destination) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.destination == d {
		return
	}
	t.destination = d
	for v := range t.visits {
		v.gone = true
		v.leave()
	}
	clear(t.visits)
}

func (t *target) current() *Destination {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.destination
}

func (v *visit) end() {
	v.target.mu.Lock()
	defer v.target.mu.Unlock()
	delete(v.target.visits, v)
	v.leave()
}

// replaced reports whether the destination was replaced before the visit ended.
func (v *visit) replaced() bool {
	v.target.mu.Lock()
	defer v.target.mu.Unlock()
	return v.gone
}

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
