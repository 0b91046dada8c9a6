package bridge

import (
	"context"
	"time"
)

// post goes through the gate and posts, once each. Where it returns an error
// nothing was sent.
func (p *Pipeline) post(ctx *visit, m *Message, failed int, v *Verdict) (Pass, Answer, error) {
	d := ctx.destination
	if err := p.room(ctx, m); err != nil {
		return Pass{}, Answer{}, err
	}
	pass, err := p.gate.Enter(ctx, d, *m)
	if err != nil {
		return pass, Answer{}, err
	}
	end, ok := p.take(m)
	if !ok { // not to be waited for here: the pass is for now
		a := Answer{Class: ClassInterrupted}
		p.gate.Leave(ctx, d, *m, pass, a)
		return pass, a, nil
	}
	defer end()
	if m.lost() {
		p.gate.Leave(ctx, d, *m, pass, Answer{Class: ClassInterrupted})
		return pass, Answer{}, errLost
	}
	start := time.Now()
	next := another{gate: p.gate, destination: d, lost: m.Lost}
	a := p.deliverer.Deliver(ctx, p.request(d, m, v, pass, failed), next.request)
	v.Duration += time.Since(start) - next.waited
	v.Attempts += a.Attempts
	v.Status, v.Error = a.Status, a.Detail
	p.gate.Leave(ctx, d, *m, pass, ctx.heard(a))
	return pass, a, nil
}

// another is what each request of a delivery after the first has to ask. It
// holds little of the message, most of whose deliveries never ask.
type another struct {
	gate        Gate
	destination *Destination
	lost        func() bool
	waited      time.Duration
}

// request waits until there may be one more.
func (n *another) request(ctx context.Context) error {
	defer func(begin time.Time) { n.waited += time.Since(begin) }(time.Now())
	if err := n.gate.Again(ctx, n.destination); err != nil {
		return err
	}
	if n.lost != nil && n.lost() {
		return errLost
	}
	return nil
}

// request builds the delivery of a message; failed is how many of its requests
// have been used up before it was interrupted.
func (p *Pipeline) request(d *Destination, m *Message, v *Verdict, pass Pass, failed int) Request {
	attempts := max(1, p.retry.Attempts-failed)
	if pass.Probe {
		attempts = 1
	}
	r := Request{
		Route: p.route.Name, Destination: d, Published: m.Published,
		EventID: v.EventID, Type: v.Type, Subject: m.Subject, Body: m.Body,
		TraceParent: m.TraceParent, TraceState: m.TraceState,
		Delivery: m.Delivery, Attempt: v.Attempts + 1,
		MaxAttempts: attempts, Timeout: p.route.Timeout,
	}
	if m.Caution != nil {
		r.Mark = m.Caution.Mark
	}
	return r
}
