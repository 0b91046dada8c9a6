package bridge

import (
	"context"
	"errors"
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

// Pipeline decides what becomes of a route's messages.
type Pipeline struct {
	route      *Route
	deliverer  Deliverer
	gate       Gate
	retry      RetryPolicy
	validation Validation
}

// Config is what a Pipeline works with. Every field is required.
type Config struct {
	Route      *Route
	Deliverer  Deliverer
	Gate       Gate
	Retry      RetryPolicy
	Validation Validation
}

// NewPipeline returns the pipeline of one route.
func NewPipeline(c Config) *Pipeline {
	return &Pipeline{c.Route, c.Deliverer, c.Gate, c.Retry, c.Validation}
}

// Handle takes one message through the pipeline and returns what is to become
// of it. It waits as long as the destination is held; once ctx is done it hands
// the message back, unless a request is in flight, whose answer it awaits.
func (p *Pipeline) Handle(ctx context.Context, m Message) Verdict {
	event, err := schemas.Decode(m.Body)
	if err != nil {
		return Verdict{Outcome: DeadLettered, Reason: Invalid, Error: err.Error()}
	}
	v := Verdict{EventID: event.ID, Type: event.Type}
	if p.validation != ValidationOff {
		if err := subjects.Validate(m.Subject, event); err != nil {
			v.Warning = err.Error()
		}
	}
	if v.Warning != "" && p.validation == ValidationEnforce {
		v.Outcome, v.Reason, v.Error, v.Warning = DeadLettered, Invalid, v.Warning, ""
		return v
	}
	if p.filters(event) {
		v.Outcome = Filtered
		return v
	}
	return p.deliver(ctx, m, v)
}

// filters reports whether the route does not want the event. An event without
// a severity, of a type that has none, is wanted.
func (p *Pipeline) filters(e *schemas.Event) bool {
	if p.route.MinSeverity == 0 {
		return false
	}
	name, _ := e.Text("severity")
	severity, ok := ParseSeverity(name)
	return ok && severity < p.route.MinSeverity
}

// deliver goes through the gate and posts until there is a verdict. Answers
// that are the destination's fault send it back to the gate.
func (p *Pipeline) deliver(ctx context.Context, m Message, v Verdict) Verdict {
	d := p.route.Destination
	failed := 0
	for {
		pass, err := p.gate.Enter(ctx, d, m)
		if err != nil {
			v.Outcome = HandedBack
			return v
		}
		start := time.Now()
		var waited time.Duration
		a := p.deliverer.Deliver(ctx, p.request(m, v, pass, failed), func(ctx context.Context) error {
			defer func(begin time.Time) { waited += time.Since(begin) }(time.Now())
			return p.gate.Again(ctx, d)
		})
		v.Duration += time.Since(start) - waited
		v.Attempts += a.Attempts
		v.Status, v.Error = a.Status, a.Detail
		p.gate.Leave(ctx, d, m, pass, a)
		if p.judge(ctx, m, pass, a, &v) {
			return v
		}
		if a.Class == ClassInterrupted && !pass.Probe {
			failed += a.Attempts
		}
	}
}

// request builds the delivery of a message; failed is how many of its requests
// have been used up before it was interrupted.
func (p *Pipeline) request(m Message, v Verdict, pass Pass, failed int) Request {
	attempts := max(1, p.retry.Attempts-failed)
	if pass.Probe {
		attempts = 1
	}
	return Request{
		Destination: p.route.Destination,
		EventID:     v.EventID, Type: v.Type, Subject: m.Subject, Body: m.Body,
		TraceParent: m.TraceParent, TraceState: m.TraceState,
		Delivery: m.Delivery, Attempt: v.Attempts + 1,
		MaxAttempts: attempts, Timeout: p.route.Timeout,
	}
}
