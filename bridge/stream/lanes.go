package stream

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// lanes is the queue of a route that keeps an order. Of the events with one key
// the next starts only after the one before it is settled; which lane is next
// is decided by the age of its head. It is safe for concurrent use.
type lanes struct {
	ordering bridge.Ordering

	mu     sync.Mutex
	active bool // what comes back will come back here; else only what has started is here
	byKey  map[string]*lane
	heads  heads
	delays delays
	back   int // events that are returning
}

func newLanes(o bridge.Ordering) *lanes {
	return &lanes{ordering: o, byKey: map[string]*lane{}}
}

func (q *lanes) add(it *item) {
	key := q.ordering.Key(it.Message)
	q.mu.Lock()
	defer q.mu.Unlock()
	l, ok := q.byKey[key]
	if !ok {
		l = &lane{key: key, index: -1}
		q.byKey[key] = l
	}
	it.lane, it.stage = l, waiting
	l.insert(it)
	q.heads.update(l)
}

// next is the oldest head of all lanes. One that the server has not heard of
// for too long waits for its next delivery, and its lane with it.
func (q *lanes) next(now time.Time) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.heads) > 0 {
		it := q.heads[0].items[0]
		if it.stale(now) {
			q.returns(it, now)
			continue
		}
		q.set(it, running)
		return it
	}
	return nil
}

func (q *lanes) coming() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ordering != bridge.OrderingStrict {
		return len(q.heads)
	}
	n := 0
	for _, l := range q.byKey { // there is one
		n += len(l.items)
		if l.items[0].stage.handled() {
			n--
		}
	}
	return n
}

// drain ends the activity, too: an event that has started is settled or let go
// from now on, and does not stay in hand for another start.
func (q *lanes) drain() []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active = false
	items := q.find(func(it *item) bool { return !it.stage.handled() })
	for _, it := range items {
		q.out(it)
	}
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return items
}

// activate says that events which are given back come back here, until drain.
func (q *lanes) activate() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active = true
}

// decided notes that there is a verdict on an event.
func (q *lanes) decided(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.lane != nil {
		q.set(it, settling)
	}
}

// again has an event start once more that nothing was posted of. Like all that
// take an event back it reports false for one that is in no lane, and where the
// lanes have been drained since it started: it would be kept from whoever serves
// the route now.
func (q *lanes) again(it *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.takes(it) {
		return false
	}
	q.set(it, waiting)
	return true
}

// takes reports whether an event may be taken back; one whose stream is no more does
// not come again. The lock is held.
func (q *lanes) takes(it *item) bool { return q.active && it.lane != nil && !it.orphaned() }

// leave takes out an event that is settled: the next of its lane may start.
func (q *lanes) leave(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out(it)
}

// putOff keeps an event whose delivery failed until it is due. noted is the revision
// of the note by which anybody can bring it back earlier, 0 if there is none.
func (q *lanes) putOff(it *item, due time.Time, noted uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.takes(it) {
		return false
	}
	if it.renewed() { // it was brought back already
		q.set(it, waiting)
		return true
	}
	it.due, it.noted = due, noted
	q.set(it, delayed)
	heap.Push(&q.delays, delay{it, due})
	return true
}

// nextDue is when the next delay is over; it reports false where there is none.
func (q *lanes) nextDue() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, ok := q.delays.peek()
	return first.due, ok
}

// takeDue returns the events whose delay is over: they are to be given back.
func (q *lanes) takeDue(now time.Time) (items []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		first, ok := q.delays.peek()
		if !ok || first.due.After(now) {
			return items
		}
		q.returns(first.it, now)
		items = append(items, first.it)
	}
}

// set takes an event to a stage. One that had started goes back to its place: older
// ones may have come meanwhile. The lock is held, as for all that follow.
func (q *lanes) set(it *item, to stage) {
	if it.stage == returning {
		q.back--
	}
	if to == returning {
		q.back++
	}
	l, again := it.lane, it.stage.handled() && !to.handled()
	it.stage = to
	if again && len(l.items) > 1 {
		l.remove(it)
		l.insert(it)
	}
	q.heads.update(l)
}

// out takes an event out of its lane.
func (q *lanes) out(it *item) {
	l := it.lane
	if l == nil {
		return
	}
	if it.stage == returning {
		q.back--
	}
	l.remove(it)
	it.lane, it.stage = nil, 0
	q.heads.update(l)
	if len(l.items) == 0 {
		delete(q.byKey, l.key)
	}
}

// find returns the events for which ok holds, in no order.
func (q *lanes) find(ok func(*item) bool) (items []*item) {
	for _, l := range q.byKey {
		for _, it := range l.items {
			if ok(it) {
				items = append(items, it)
			}
		}
	}
	return items
}
