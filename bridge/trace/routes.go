package trace

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// readRoutes tells what became of the event on each route that takes it or has
// taken it.
func (r *reader) readRoutes(ctx context.Context, p *publish, steps map[string][]Step) error {
	p.Routes = []Route{}
	concerned := map[string]*position{}
	for route := range steps {
		concerned[route] = nil
	}
	for i := range r.positions {
		at := &r.positions[i]
		_, has := steps[at.route]
		if has || p.Stored && at.takes(p.taken) {
			concerned[at.route] = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(concerned)) {
		e := evidence{event: p.Publish, position: concerned[name], steps: steps[name]}
		if at := e.position; at != nil && p.Sequence <= at.delivered && p.Sequence > at.floor {
			e.due = r.readDue(ctx, name, p.id)
		}
		route := e.judge(time.Now())
		route.Name = name
		if at := e.position; at != nil && !route.State.settled() {
			route.PausedUntil = at.pausedUntil
		}
		r.readLetter(ctx, p, &route)
		r.readObstacles(ctx, p, &route)
		p.Routes = append(p.Routes, route)
	}
	return ctx.Err()
}

// readLetter looks for the dead letter of an event that is settled, and of one
// that may be.
func (r *reader) readLetter(ctx context.Context, p *publish, route *Route) {
	switch route.State {
	case DeadLettered, Settled, InHand, NoConsumer:
	default:
		return
	}
	var at time.Time // unless there is a receipt
	known := route.State == DeadLettered
	if known {
		at = route.Steps[len(route.Steps)-1].At
	}
	l, doubt, err := r.findLetter(ctx, route.Name, p, at)
	switch {
	case err != nil:
		r.unknown("its dead letter: %v", err)
		if known {
			route.Note = "whether the letter is still in " + r.DLQ + " is not known"
		}
	case l != nil:
		route.State, route.Letter, route.Note = DeadLettered, l.sequence, ""
		route.Reason, route.Error = cmp.Or(l.reason, route.Reason), cmp.Or(l.err, route.Error)
	case known && doubt != "":
		route.Note = "whether the letter is still in " + r.DLQ + " is not known: " + doubt
	case known:
		route.Note = "the letter is not in " + r.DLQ + " any more: replayed or discarded"
	}
}
