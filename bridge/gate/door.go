package gate

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// door is the gate of one destination. While it is held, those who want
// through queue up; when the hold ends, the first of them probes.
type door struct {
	cfg    Config
	log    *slog.Logger
	pace   *pacer
	held   atomic.Bool  // mirrors hold != nil, for the path without a lock
	worked atomic.Int64 // time of the last 2xx, Unix nanoseconds

	mu      sync.Mutex
	hold    *hold
	queue   []chan bridge.Pass
	failing []event
}

// event tells events apart, also over a stream that was created again.
type event struct {
	sequence  uint64
	published int64
}

// hold is why and until when a door is shut.
type hold struct {
	reason  string
	until   time.Time
	step    int  // probes that failed
	probing bool // a probe is out
	timer   *time.Timer
}

func newDoor(c Config, d *bridge.Destination) *door {
	return &door{cfg: c, log: c.Logger.With("destination", d.URL), pace: newPacer(d.Limit)}
}

func (o *door) isHeld() bool { return o.held.Load() }

// admit waits until the door is open or this caller is to probe.
func (o *door) admit(ctx context.Context) (bridge.Pass, error) {
	if !o.isHeld() {
		return bridge.Pass{}, ctx.Err()
	}
	o.mu.Lock()
	if o.hold == nil {
		o.mu.Unlock()
		return bridge.Pass{}, ctx.Err()
	}
	if !o.hold.probing && len(o.queue) == 0 && !time.Now().Before(o.hold.until) {
		o.hold.probing = true
		o.mu.Unlock()
		return bridge.Pass{Probe: true}, nil
	}
	turn := make(chan bridge.Pass, 1)
	o.queue = append(o.queue, turn)
	o.mu.Unlock()
	select {
	case pass := <-turn:
		return pass, nil
	case <-ctx.Done():
		o.abandon(turn)
		return bridge.Pass{}, ctx.Err()
	}
}

// abandon takes a waiter out of the queue. If it had just been chosen to
// probe, the next one probes in its place.
func (o *door) abandon(turn chan bridge.Pass) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.queue, turn); i >= 0 {
		o.queue = slices.Delete(o.queue, i, i+1)
		return
	}
	if pass := <-turn; pass.Probe && o.hold != nil {
		o.hold.probing = false
		o.probeNext()
	}
}

// probeNext sends the first waiter to probe, if the hold has ended. With
// nobody waiting, the next to come will probe.
func (o *door) probeNext() {
	if o.hold == nil || o.hold.probing || len(o.queue) == 0 || time.Now().Before(o.hold.until) {
		return
	}
	o.hold.probing = true
	o.queue[0] <- bridge.Pass{Probe: true}
	o.queue = o.queue[1:]
}

// leave learns from the answer to a request.
func (o *door) leave(m bridge.Message, p bridge.Pass, a bridge.Answer) {
	now := time.Now()
	if a.Class == bridge.ClassDelivered {
		o.worked.Store(now.UnixNano())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch a.Class {
	case bridge.ClassDelivered, bridge.ClassRejected:
		o.failing = o.failing[:0]
		if p.Probe {
			o.release()
		}
	case bridge.ClassBackpressure, bridge.ClassMisconfigured:
		o.shut(p, a, now)
	case bridge.ClassFailed:
		if p.Probe || o.failsTooMany(m) {
			o.shut(p, a, now)
		}
	case bridge.ClassInterrupted:
		if p.Probe && o.hold != nil {
			o.hold.probing = false
			o.probeNext()
		}
	}
}

// failsTooMany counts the events whose deliveries failed one after another.
func (o *door) failsTooMany(m bridge.Message) bool {
	e := event{m.Sequence, m.Published.UnixNano()}
	if len(o.failing) < o.cfg.HoldAfter && !slices.Contains(o.failing, e) {
		o.failing = append(o.failing, e)
	}
	return len(o.failing) >= o.cfg.HoldAfter
}

// shut holds the destination, or holds it for longer if a probe failed. An
// answer to a request that was in flight when the hold began only prolongs it
// where it asks for that.
func (o *door) shut(p bridge.Pass, a bridge.Answer, now time.Time) {
	h := o.hold
	switch {
	case h == nil:
		h = &hold{}
		h.timer = time.AfterFunc(time.Hour, o.due)
		o.hold = h
		o.held.Store(true)
	case p.Probe:
		h.step++
		h.probing = false
	case now.Add(a.RetryAfter).After(h.until):
		h.until = now.Add(a.RetryAfter)
		h.timer.Reset(a.RetryAfter)
		return
	default:
		return
	}
	wait := a.RetryAfter
	if wait == 0 {
		wait = o.step(h.step)
	}
	h.reason, h.until = a.Class.String(), now.Add(wait)
	h.timer.Reset(wait)
	level := slog.LevelWarn
	if a.Class == bridge.ClassMisconfigured {
		level = slog.LevelError
	}
	o.log.Log(context.Background(), level, "destination held",
		"reason", h.reason, "status", a.Status, "error", a.Detail, "hold_ms", wait.Milliseconds(), "failed_probes", h.step)
}

// step is how long a hold lasts after so many failed probes.
func (o *door) step(n int) time.Duration {
	d := o.cfg.HoldMin
	for ; n > 0 && d < o.cfg.HoldMax; n-- {
		d *= 2
	}
	d = min(d, o.cfg.HoldMax)
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // spread, not secrecy
}

// due runs when a hold ends.
func (o *door) due() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.probeNext()
}

// release opens the door to all who wait.
func (o *door) release() {
	if o.hold == nil {
		return
	}
	o.hold.timer.Stop()
	o.log.Info("destination recovered", "reason", o.hold.reason)
	o.hold = nil
	o.held.Store(false)
	for _, turn := range o.queue {
		turn <- bridge.Pass{}
	}
	o.queue = nil
}
