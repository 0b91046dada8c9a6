package gate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// storeTimeout bounds one change of the bucket, storePause is the time
	// before it is tried again.
	storeTimeout = 5 * time.Second
	storePause   = 500 * time.Millisecond
	// courtesy is how long an event that has just failed as the probe lets
	// others go first.
	courtesy = 2 * time.Second
)

// door is the gate of one destination in this replica. It mirrors what the
// bucket says of it, and is ahead of the bucket only in being shut.
type door struct {
	gate        *Gate
	id          string
	destination *bridge.Destination // nil until an event comes
	paced       atomic.Pointer[pacer]
	held        atomic.Bool  // hold != nil, for the path without a lock
	worked      atomic.Int64 // time of the last 2xx, by the server's clock, Unix nanoseconds
	opened      atomic.Int64 // when a hold ended, likewise: what waited was brought back then
	noted       atomic.Int64 // when that was last written to the bucket
	troubled    atomic.Bool  // len(failing) > 0, for the path without a lock
	told        atomic.Bool  // that the bucket does not take a change, since it took one

	mu       sync.Mutex
	hold     *Hold
	revision uint64        // of the hold; 0: the bucket does not have it yet
	seen     uint64        // the latest revision that was heard of, deletions included
	changed  chan struct{} // closed when hold, revision or queue change
	queue    []*waiter     // first come first
	kept     bool          // the server has refused to store the hold
	failing  []string      // the events whose deliveries failed, since one did not
}

// waiter is an event at a door that is shut.
type waiter struct{ event string }

func (g *Gate) newDoor(id string) *door {
	return &door{gate: g, id: id, changed: make(chan struct{})}
}

// meet makes the acquaintance of the destination; the gate's lock is held.
func (o *door) meet(d *bridge.Destination) {
	o.destination = d
}

// pace returns the pacer of the destination, another one after its limit was
// changed.
func (o *door) pace(d *bridge.Destination) *pacer {
	p := o.paced.Load()
	for p == nil || p.limit != d.Limit {
		o.paced.CompareAndSwap(p, newPacer(d, o.gate.store, o.gate.clock, o.gate.cfg.Logger))
		p = o.paced.Load()
	}
	return p
}

func (o *door) key() string { return "hold." + o.id }

func (o *door) isHeld() bool { return o.held.Load() }

// admit waits until the door is open or this event is the probe.
func (o *door) admit(ctx context.Context, m bridge.Message) (bridge.Pass, error) {
	if !o.isHeld() {
		return bridge.Pass{}, ctx.Err()
	}
	w := &waiter{eventKey(m)}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, w)
	o.notify()
	defer func() {
		o.queue = slices.DeleteFunc(o.queue, func(other *waiter) bool { return other == w })
		o.notify()
	}()
	for o.hold != nil {
		if err := ctx.Err(); err != nil {
			return bridge.Pass{}, err
		}
		if o.first() != w {
			o.await(ctx, time.Hour)
			continue
		}
		if o.revision == 0 { // NATS was in trouble when the hold began
			h := *o.hold
			if !o.write(ctx, &h) {
				o.prolong(ctx, h.Until) // another's may be shorter
				continue
			}
			if !o.kept || o.first() != w {
				continue
			}
		}
		if wait := o.due(w.event); wait > 0 {
			o.await(ctx, min(wait, clockCheck))
			continue
		}
		if o.claim(ctx, w.event) {
			return bridge.Pass{Probe: true}, nil
		}
	}
	return bridge.Pass{}, ctx.Err()
}

// first is the waiter to probe next: whoever came first, but not with the event
// of the last probe while there is another. The lock is held.
func (o *door) first() *waiter {
	for _, w := range o.queue {
		if w.event != o.hold.Last {
			return w
		}
	}
	return o.queue[0]
}

// due is how long it is until this event may probe. The lock is held.
func (o *door) due(event string) time.Duration {
	h, clock := o.hold, o.gate.clock
	wait := clock.until(h.Until)
	if h.Probe != nil {
		wait = max(wait, clock.until(h.Probe.Until))
	}
	if h.Last == event {
		wait = max(wait, clock.until(h.Until.Add(courtesy)))
	}
	return wait
}

// await waits for a change, at most for that long. The lock is held, and given
// up meanwhile.
func (o *door) await(ctx context.Context, most time.Duration) {
	changed := o.changed
	o.mu.Unlock()
	defer o.mu.Lock()
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
	}
}

// notify wakes everybody who waits. The lock is held.
func (o *door) notify() {
	close(o.changed)
	o.changed = make(chan struct{})
}
