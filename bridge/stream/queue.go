package stream

import "time"

// queue holds the events in hand that have not started and says which of them
// starts next.
type queue interface {
	// add takes an event that has just come in hand.
	add(it *item)
	// next takes out the event to start now; nil where none can.
	next(now time.Time) *item
	// coming is how many events will start without another being pulled.
	coming() int
	// drain takes out everything that has not started, oldest first.
	drain() []*item
}

// fifo starts events in the order in which they came, as a route does that
// keeps no order. It belongs to one goroutine.
type fifo struct{ items []*item }

func (q *fifo) add(it *item) { q.items = append(q.items, it) }

func (q *fifo) next(time.Time) *item {
	if len(q.items) == 0 {
		return nil
	}
	it := q.items[0]
	q.items[0] = nil // the array lives on
	q.items = q.items[1:]
	return it
}

func (q *fifo) coming() int { return len(q.items) }

func (q *fifo) drain() []*item {
	items := q.items
	q.items = nil
	return items
}
