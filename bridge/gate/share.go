package gate

import (
	"context"
	"errors"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// claim makes an event the probe, for all replicas. It may have to wait for the
// pace before it is sent. The lock is held, and given up while NATS is asked.
func (o *door) claim(ctx context.Context, event string) bool {
	g := o.gate
	life := g.cfg.ProbeLife
	if p := o.paced.Load(); p != nil {
		life += p.gap
	} else if l := o.destination.Limit; !l.IsZero() {
		life += gapOf(l)
	}
	h := *o.hold
	h.Probe = &Probe{Replica: g.cfg.Replica, Event: event, Until: g.clock.now().Add(life)}
	return o.write(ctx, &h)
}

// write changes the hold in the bucket, and here once that succeeded; nil
// removes it. Where another replica was quicker, what it wrote is taken over. A hold
// that the bucket never had, because the server refuses it, is changed here alone.
// The lock is held, and given up while NATS is asked.
func (o *door) write(ctx context.Context, want *Hold) bool {
	before, shared := o.hold, o.revision
	o.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	revision, err := o.send(bounded, want, shared)
	cancel()
	if err == nil {
		o.announce(before, shared != 0, want)
	}
	if shared == 0 && isRefusal(err) {
		o.mu.Lock()
		return o.keep(before, want, err)
	}
	failed := err != nil
	var there entry
	if failed {
		there, err = o.ask(ctx, err)
	}
	o.mu.Lock()
	switch {
	case err != nil:
		return false
	case failed && there.revision > 0:
		o.hear(there)
		return false
	case failed:
		o.missed()
		return false
	}
	o.kept = false
	o.told.Store(false)
	// The watch may have told more already: of a removal that we know no revision of,
	// where the hold is not the one that was removed.
	if revision > o.seen || want == nil && o.revision == shared {
		o.seen = max(o.seen, revision)
		o.set(want, revision)
	}
	return true
}

// keep changes a hold here alone, if it is still as it was before, and reports
// whether it was. The lock is held.
func (o *door) keep(before, want *Hold, why error) bool {
	if o.hold != before || o.revision != 0 {
		return false
	}
	o.set(want, 0)
	o.kept = true
	if o.told.CompareAndSwap(false, true) {
		o.gate.cfg.Logger.Warn("hold not shared, this replica probes by itself", "hold", o.id[:6], "error", why)
	}
	return true
}

// amend makes a change to the hold; change reports whether it changes anything. Where
// another was quicker, here or in another replica, it is made to what they wrote. What
// the bucket cannot be told counts here until more is heard of the hold. The lock is
// held, and given up while NATS is asked.
func (o *door) amend(ctx context.Context, change func(*Hold) bool) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for trying := true; o.hold != nil; trying = ctx.Err() == nil && !o.gate.stop.paused.Load() {
		h := *o.hold
		switch {
		case !change(&h):
			return
		case !trying:
			o.set(&h, o.revision)
			return
		case o.write(ctx, &h):
			return
		}
	}
}

// announce tells of a change of the bucket that others have to know about;
// shared says whether the bucket had the hold before. No lock is held.
func (o *door) announce(before *Hold, shared bool, now *Hold) {
	mend := bridge.ClassMisconfigured.String()
	switch cfg := o.gate.cfg; {
	case now == nil && shared:
		cfg.Recovered(o.id, *before, o.gate.clock.now().Sub(before.Since))
	case now != nil && (!shared || now.Reason == mend && before.Reason != mend):
		cfg.Held(o.id, *now)
	}
}

// send is the change of write.
func (o *door) send(ctx context.Context, want *Hold, revision uint64) (uint64, error) {
	s := o.gate.store
	switch {
	case want == nil && revision == 0:
		return 0, nil // the bucket never had it
	case want == nil:
		return 0, s.remove(ctx, o.key(), revision)
	case revision == 0:
		return s.create(ctx, o.key(), want.encode())
	}
	return s.update(ctx, o.key(), want.encode(), revision)
}

// missed takes over that the bucket does not have the hold any more, or not yet
// on the server that was asked. The revisions of what is heard next tell, so
// none is made up here: the next hold must not look like an old one. The lock is
// held.
func (o *door) missed() {
	if o.revision != 0 { // else our own hold is younger, and not in the bucket yet
		o.set(nil, 0)
	}
}

// ask finds out what the bucket has after a change failed: the zero entry is
// none. Its error says that this could not be found out; a while has then passed.
func (o *door) ask(ctx context.Context, failed error) (entry, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	there, err := o.gate.store.get(bounded, o.key())
	if errors.Is(err, errNotFound) && errors.Is(failed, errConflict) {
		return entry{}, nil
	}
	if err == nil && errors.Is(failed, errConflict) {
		return there, nil
	}
	if o.told.CompareAndSwap(false, true) {
		o.gate.cfg.Logger.Warn("hold not shared yet", "hold", o.id[:6], "error", errors.Join(failed, err))
	}
	_ = sleep(ctx, storePause) // the caller looks at ctx
	return entry{}, failed
}

// hear takes over what the bucket has; an entry without a value is a removal.
// The lock is held.
func (o *door) hear(e entry) {
	if e.revision <= o.seen {
		return
	}
	o.seen = e.revision
	if len(e.value) == 0 {
		if o.revision != 0 { // else our own hold is younger, and not in the bucket yet
			o.set(nil, 0)
		}
		return
	}
	h, err := DecodeHold(e.value)
	if err != nil { // of another version: hold, and let a probe find out
		h = Hold{Reason: "unknown", Since: e.created, Until: e.created.Add(o.gate.cfg.HoldMin)}
	}
	if o.hold == nil {
		o.gate.cfg.Logger.Info("destination held by another replica", "destination", h.Destination, "reason", h.Reason)
	}
	o.set(&h, e.revision)
}

// set takes over a hold, or none. The lock is held.
func (o *door) set(h *Hold, revision uint64) {
	if o.hold != nil && h == nil {
		o.opened.Store(o.gate.clock.now().UnixNano())
	}
	o.hold, o.revision = h, revision
	o.held.Store(h != nil)
	o.notify()
}

// present takes over what the bucket has now, whatever was seen before: the
// bucket may be another one that counts anew.
func (o *door) present(e entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = 0
	o.hear(e)
}

// absent takes over that the bucket has no hold now.
func (o *door) absent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = 0
	if o.hold != nil && o.revision != 0 {
		o.set(nil, 0)
	}
}

// accepted takes over another replica's evidence.
func (o *door) accepted(at time.Time) {
	for {
		known := o.worked.Load()
		if at.UnixNano() <= known || o.worked.CompareAndSwap(known, at.UnixNano()) {
			return
		}
	}
}
