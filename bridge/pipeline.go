package bridge

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// Deliverer posts events. Package webhook has the real one.
type Deliverer interface {
	// Deliver sends at most r.MaxAttempts requests until one is answered for
	// good. Before each request after the first it calls again and stops where
	// that returns an error. Once ctx is done it starts nothing more, but lets
	// the request in flight end.
	Deliver(ctx context.Context, r Request, again func(context.Context) error) Answer
}

// Gate decides when a destination may be posted to: holds and pacing.
// Package gate has the real one.
type Gate interface {
	// Enter waits until one request may be sent for the event m and returns
	// the pass for it. Its only error is ctx's.
	Enter(ctx context.Context, d *Destination, m Message) (Pass, error)
	// Again waits for the pace of one more request under the same pass. It
	// returns ErrHeld at once where the destination has been held meanwhile.
	Again(ctx context.Context, d *Destination) error
	// Leave gives the pass back with the answer it led to.
	Leave(ctx context.Context, d *Destination, m Message, p Pass, a Answer)
	// Held reports whether the destination is held now.
	Held(d *Destination) bool
	// Works reports whether the destination has answered 2xx since then.
	Works(d *Destination, since time.Time) bool
}

// Pass is the leave to send to a destination.
type Pass struct {
	// Probe marks the one request that finds out whether a held destination
	// works again.
	Probe bool
}

// ErrHeld ends a delivery between two requests: its destination is held now.
var ErrHeld = errors.New("destination is held")

// Pipeline decides what becomes of a route's messages. It is safe for
// concurrent use.
type Pipeline struct {
	route      *Route
	target     *target
	deliverer  Deliverer
	gate       Gate
	retry      RetryPolicy
	validation Validation
	clock      func() time.Time
	// slot is for the requests that the route may have in flight.
	slot *Slot
	// stuck is how many events wait at the gate that have failed as the probe.
	stuck atomic.Int64
}

// Config is what a Pipeline works with. Every field is required.
type Config struct {
	Route      *Route
	Deliverer  Deliverer
	Gate       Gate
	Retry      RetryPolicy
	Validation Validation
	// Now is the time by the clock of what Message.Published says; this
	// machine's if nil.
	Now func() time.Time
}

// NewPipeline returns the pipeline of one route.
func NewPipeline(c Config) *Pipeline {
	p := &Pipeline{
		route: c.Route, target: newTarget(c.Route.Destination), deliverer: c.Deliverer, gate: c.Gate,
		retry: c.Retry, validation: c.Validation, clock: c.Now,
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	p.slot = &Slot{most: c.Route.Concurrency}
	return p
}

// Destination returns where the route's events go now: the route's own until
// Redirect is called.
func (p *Pipeline) Destination() *Destination { return p.target.current() }

// Redirect sends the route's events to another destination from now on.
// Requests in flight end where they are and their answers count; what waits
// for the old destination, for its hold, its pace or its next request, goes to
// the new one at once and spends no delivery by it.
func (p *Pipeline) Redirect(d *Destination) { p.target.replace(d) }

// Handle takes one message through the pipeline and returns what is to become
// of it. It waits as long as the destination is held; once ctx is done it hands
// the message back, unless a request is in flight, whose answer it awaits.
func (p *Pipeline) Handle(ctx context.Context, m Message) Verdict {
	var v Verdict
	if err := m.cautiously(ctx, func() { p.read(&m, &v) }); err != nil {
		stopped(ctx, &v)
	}
	if v.Outcome != 0 {
		return v
	}
	p.deliver(ctx, &m, &v)
	return v
}

// read decodes and checks the event. Its verdict has no outcome yet where the
// event is to be delivered.
func (p *Pipeline) read(m *Message, v *Verdict) {
	event, err := schemas.Decode(m.Body)
	if err != nil {
		v.Type, v.EventID = schemas.Identity(m.Body)
		v.Outcome, v.Reason, v.Error = DeadLettered, Invalid, err.Error()
		return
	}
	v.EventID, v.Type = event.ID, event.Type
	if p.validation != ValidationOff {
		if err := subjects.Validate(m.Subject, event); err != nil {
			v.Warning = err.Error()
		}
	}
	if v.Warning != "" && p.validation == ValidationEnforce {
		v.Outcome, v.Reason, v.Error, v.Warning = DeadLettered, Invalid, v.Warning, ""
		return
	}
	if p.filters(event) {
		v.Outcome = Filtered
	}
}

// filters reports whether the route does not want the event. An event without
// a severity, or with a word that is none, is wanted.
func (p *Pipeline) filters(e *schemas.Event) bool {
	if p.route.MinSeverity == 0 {
		return false
	}
	name, _ := e.Text("severity")
	severity, ok := ParseSeverity(strings.ToUpper(name))
	return ok && severity < p.route.MinSeverity
}

// deliver posts until there is a verdict. Answers that are the destination's
// fault send the message back to the gate; a destination that is replaced
// sends it on to the new one, where it has all its requests again.
func (p *Pipeline) deliver(ctx context.Context, m *Message, v *Verdict) {
	failed, stuck := 0, false
	defer func() {
		if stuck {
			p.stuck.Add(-1)
		}
	}()
	for {
		visit := p.target.visit(ctx)
		pass, a, err := p.post(visit, m, failed, v)
		visit.depart()
		switch {
		case err != nil && (ctx.Err() != nil || !visit.replaced()):
			stopped(ctx, v)
			return
		case err == nil && p.judge(ctx, visit.destination, m, pass, visit.meant(a), v):
			return
		case visit.replaced():
			failed = 0
		case pass.Probe && a.Class == ClassFailed && !stuck:
			stuck = true
			p.stuck.Add(1)
		case a.Class == ClassInterrupted && !pass.Probe:
			failed += a.Attempts
		}
	}
}

// stopped is the verdict of a message whose wait was ended: the bridge stops,
// the event is lost to another replica, or the stream will soon take it.
func stopped(ctx context.Context, v *Verdict) {
	v.Outcome = HandedBack
	if errors.Is(context.Cause(ctx), ErrExpiring) {
		v.Outcome, v.Reason = DeadLettered, Expired
		if v.Error == "" {
			v.Error = ErrExpiring.Error()
		}
	}
}
