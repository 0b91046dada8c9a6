package gate

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// leave learns from the answer to a request, whatever becomes of ctx.
func (o *door) leave(ctx context.Context, m bridge.Message, p bridge.Pass, a bridge.Answer) {
	if a.Class == bridge.ClassDelivered {
		o.note(ctx)
		if !p.Probe && !o.troubled.Load() {
			return
		}
	}
	ctx = context.WithoutCancel(ctx)
	o.mu.Lock()
	released := false
	switch {
	case p.Probe:
		released = o.probed(ctx, m, a)
	case a.Class == bridge.ClassDelivered, a.Class == bridge.ClassRejected:
		o.forgetFailures()
	case a.Class == bridge.ClassBackpressure, a.Class == bridge.ClassMisconfigured:
		o.shut(ctx, a)
	case a.Class == bridge.ClassFailed && o.failsTooMany(m):
		o.shut(ctx, a)
	}
	o.mu.Unlock()
	if released {
		o.gate.cfg.Released(ctx, o.id)
	}
}

// note remembers that the destination accepts events, and now and then tells
// the other replicas, whatever becomes of ctx.
func (o *door) note(ctx context.Context) {
	g := o.gate
	now := g.clock.now()
	o.worked.Store(now.UnixNano())
	noted := o.noted.Load()
	if now.UnixNano()-noted < int64(g.cfg.EvidenceEvery) || !o.noted.CompareAndSwap(noted, now.UnixNano()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := g.store.put(ctx, "works."+o.id, []byte(o.destination.URL.String())); err != nil {
		g.cfg.Logger.Debug("evidence not noted", "destination", o.destination.URL, "error", err)
	}
}

// failsTooMany counts the events whose deliveries failed one after another.
// The lock is held.
func (o *door) failsTooMany(m bridge.Message) bool {
	if e := eventKey(m); len(o.failing) < o.gate.cfg.HoldAfter && !slices.Contains(o.failing, e) {
		o.failing = append(o.failing, e)
		o.troubled.Store(true)
	}
	return len(o.failing) >= o.gate.cfg.HoldAfter
}

func (o *door) forgetFailures() {
	o.failing = nil
	o.troubled.Store(false)
}

// shut holds the destination. An answer to a request that was in flight when a
// hold began, here or in another replica, only prolongs it where it asks for that.
// The lock is held, and given up while NATS is asked.
func (o *door) shut(ctx context.Context, a bridge.Answer) {
	now := o.gate.clock.now()
	if o.hold == nil {
		h := o.gate.cfg.begin(o.destination, a, now)
		o.set(&h, 0) // this replica obeys whether or not NATS can be told
		o.tell(ctx, h)
		if o.write(ctx, &h) {
			return
		}
	}
	o.prolong(ctx, asked(a, now))
}

// prolong has the hold, if there is one, last until then at least. The lock is held,
// and given up while NATS is asked.
func (o *door) prolong(ctx context.Context, until time.Time) {
	o.amend(ctx, func(h *Hold) bool { return h.prolong(until) })
}

// probed ends a probe: it releases the destination, or holds it for longer. The
// lock is held, and given up while NATS is asked.
func (o *door) probed(ctx context.Context, m bridge.Message, a bridge.Answer) (released bool) {
	if a.Class == bridge.ClassDelivered || a.Class == bridge.ClassRejected {
		o.forgetFailures()
		return o.release(ctx)
	}
	replica, now := o.gate.cfg.Replica, o.gate.clock.now()
	if !o.hold.isProbedBy(replica, m) { // it took so long that another has probed since
		o.prolong(ctx, asked(a, now))
		return false
	}
	next := *o.hold
	next.Probe = nil
	if a.Class != bridge.ClassInterrupted {
		next = o.gate.cfg.longer(next, m, a, now)
		o.tell(ctx, next)
	}
	o.amend(ctx, func(h *Hold) bool {
		if !h.isProbedBy(replica, m) {
			return h.prolong(asked(a, now))
		}
		until := h.Until
		*h = next
		h.prolong(until)
		return true
	})
	return false
}

// release opens the door, for all replicas. A hold that cannot be removed stays
// and is probed again. The lock is held, and given up while NATS is asked.
//
// Where the removal was not confirmed and the hold is gone after all, it may have
// been this one's: then nobody else brings back what waits.
func (o *door) release(ctx context.Context) bool {
	unconfirmed := false
	for o.hold != nil {
		since := o.hold.Since
		if !o.write(ctx, nil) {
			if ctx.Err() != nil || o.gate.stop.paused.Load() {
				return false
			}
			unconfirmed = true
			continue
		}
		o.gate.cfg.Logger.Info("destination recovered", "destination", o.destination.URL,
			"held_ms", o.gate.clock.now().Sub(since).Milliseconds())
		return true
	}
	return unconfirmed
}

// tell logs a hold that this replica has made or prolonged.
func (o *door) tell(ctx context.Context, h Hold) {
	level := slog.LevelWarn
	if h.Reason == bridge.ClassMisconfigured.String() {
		level = slog.LevelError // somebody has to mend it
	}
	o.gate.cfg.Logger.Log(ctx, level, "destination held", "destination", o.destination.URL, "reason", h.Reason,
		"status", h.Status, "error", h.Detail, "hold_ms", h.Until.Sub(o.gate.clock.now()).Milliseconds(), "failed_probes", h.Probes)
}
