package trace

import (
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// evidence is what there is to judge by what became of an event on a route.
type evidence struct {
	event    Publish
	position *position // nil where the route has no consumer
	steps    []Step
	// due is when an event that was put off is due, by the note in the bucket;
	// zero where there is none.
	due time.Time
}

// judge concludes what became of the event, but for letters.
func (e evidence) judge(now time.Time) Route {
	r := Route{Steps: e.steps}
	if r.Steps == nil {
		r.Steps = []Step{}
	}
	var last Step
	if len(e.steps) > 0 {
		last = e.steps[len(e.steps)-1]
	}
	due := e.due
	if last.Outcome == bridge.Retried.String() && last.due().After(due) {
		due = last.due()
	}
	switch {
	case last.Outcome == bridge.Delivered.String():
		r.State = Delivered
	case last.Outcome == bridge.Filtered.String():
		r.State = Filtered
	case last.Outcome == bridge.DeadLettered.String():
		r.State, r.Reason, r.Error = DeadLettered, last.Reason, last.Error
	case e.position == nil:
		r.State, r.Note = NoConsumer, "the route has no consumer any more"
	case len(e.steps) == 0 && e.position.beginsAfter(e.event) != "":
		r.State, r.Note = NotTaken, "the route's consumer begins later, at "+e.position.beginsAfter(e.event)
	case e.event.Sequence > e.position.delivered:
		r.State = Waiting
	case e.event.Sequence <= e.position.floor:
		r.State, r.Note = Settled, "how is not known: the receipt of it is missing"
	case due.After(now):
		r.State, r.Until = PutOff, due
	default:
		r.State = InHand
		if len(e.steps) == 0 {
			r.Note = "it may also be settled, without a receipt yet"
		}
	}
	return r
}
