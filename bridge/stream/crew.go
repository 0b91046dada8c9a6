package stream

import (
	"context"
	"time"
)

// crewRest is how often goroutines that were not needed are let go.
const crewRest = 5 * time.Second

// crew are the goroutines that handle a route's events, one after another each:
// their stacks, which HTTP makes grow, and the contexts that end an event's wait
// are made once, and not for every event. There are as many as events were
// handled at a time lately. It belongs to the consumer's goroutine.
type crew struct {
	start   func(first *item, more <-chan *item)
	work    chan *item // nil among them lets one go
	size    int
	busiest int // the most events at a time since rested
	rested  time.Time
}

// newCrew returns a crew without anybody in it. It calls start, which must not
// block, for each that joins: whoever does handles first, and then what comes
// until it is nil or the channel is closed.
func newCrew(most int, start func(first *item, more <-chan *item)) *crew {
	return &crew{start: start, work: make(chan *item, most), rested: time.Now()}
}

// take has an event handled, by busy goroutines at a time at the most.
func (w *crew) take(it *item, busy int) {
	w.busiest = max(w.busiest, busy)
	if w.size >= busy {
		select {
		case w.work <- it: // who is done with another has it at once
			return
		default:
		}
	}
	w.size++
	w.start(it, w.work)
}

// reinforce has events begun that were to wait for somebody who is done with another,
// up to busy at a time: where nobody gets done, as at a held destination, they would
// wait for good, and take the places of others.
func (w *crew) reinforce(busy int) {
	for w.size < busy {
		select {
		case it := <-w.work:
			w.size++
			if it != nil { // else somebody who was to go stays
				w.busiest = max(w.busiest, w.size)
				w.start(it, w.work)
			}
		default:
			return
		}
	}
}

// rest lets those go who have had nothing to do.
func (w *crew) rest(now time.Time, busy int) {
	if now.Sub(w.rested) < crewRest {
		return
	}
	for ; w.size > w.busiest; w.size-- {
		select {
		case w.work <- nil:
			continue
		default:
		}
		break
	}
	w.rested, w.busiest = now, busy
}

// left takes back what nobody has begun with.
func (w *crew) left() (items []*item) {
	for {
		select {
		case it := <-w.work:
			if it != nil {
				items = append(items, it)
			}
		default:
			return items
		}
	}
}

// dismiss lets everybody go who is done with the events that were taken.
func (w *crew) dismiss() { close(w.work) }

// muster makes the crew of a run.
func (c *consumer) muster(ctx, grace context.Context) *crew {
	return newCrew(c.slots+1+c.lead(), func(it *item, more <-chan *item) {
		c.handling.Go(func() {
			wait := newWait(ctx)
			defer func() { wait.end(nil) }()
			for ; it != nil; it = <-more {
				if wait.Err() != nil {
					wait.end(nil)
					wait = newWait(ctx)
				}
				c.handle(ctx, grace, it, wait)
			}
		})
	})
}

// wait is the context in which an event is handled, and what ends it.
type wait struct {
	context.Context //nolint:containedctx // it is what the wait is
	end             context.CancelCauseFunc
}

func newWait(ctx context.Context) *wait {
	ctx, end := context.WithCancelCause(ctx)
	return &wait{ctx, end}
}
