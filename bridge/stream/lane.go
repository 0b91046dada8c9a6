package stream

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// lane is the queue of the events in hand that have one key, in the order of
// the stream. Only its head is handled.
type lane struct {
	key   string
	items []*item
	index int // among the lanes whose head may start; -1: it may not
}

// place is where an event is in its lane; lanes.mu guards it.
type place struct {
	lane  *lane // nil: in none
	stage stage
	since time.Time // when it was given back
	due   time.Time // when the delay after its failure is over
	noted uint64    // the revision of its note in the bucket, if it has one
}

// stage is how far an event in a lane has got.
type stage uint8

const (
	// waiting for its turn: to be its lane's head, then for a slot.
	waiting stage = iota + 1
	// running: it is being handled.
	running
	// settling: there is a verdict, and the server has not confirmed it yet.
	settling
	// delayed: its delivery failed and the next is not due.
	delayed
	// returning: it was given back, or the server has not heard of it for the
	// ack wait. Its next delivery is on its way.
	returning
)

// handled reports whether the event has started and is not done with.
func (s stage) handled() bool { return s == running || s == settling }

// insert puts an event in its place, behind a head that has started.
func (l *lane) insert(it *item) {
	from := 0
	if len(l.items) > 0 && l.items[0].stage.handled() {
		from = 1
	}
	at, _ := slices.BinarySearchFunc(l.items[from:], it, func(a, b *item) int { return cmp.Compare(a.Sequence, b.Sequence) })
	l.items = slices.Insert(l.items, from+at, it)
}

func (l *lane) remove(it *item) {
	if at := slices.Index(l.items, it); at >= 0 {
		l.items = slices.Delete(l.items, at, at+1)
	}
}

// startable reports whether the lane's head may start.
func (l *lane) startable() bool { return len(l.items) > 0 && l.items[0].stage == waiting }

// heads are the lanes whose head may start, the oldest head first.
type heads []*lane

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return h[i].items[0].Sequence < h[j].items[0].Sequence }
func (h heads) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for container/heap.
func (h *heads) Push(x any) {
	l := x.(*lane)
	l.index = len(*h)
	*h = append(*h, l)
}

// Pop is for container/heap.
func (h *heads) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	l.index = -1
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}

// update puts a lane in or out, or in another place, after it has changed.
func (h *heads) update(l *lane) {
	switch startable := l.startable(); {
	case startable && l.index < 0:
		heap.Push(h, l)
	case startable:
		heap.Fix(h, l.index)
	case l.index >= 0:
		heap.Remove(h, l.index)
	}
}

// delay is the end of an event's delay; it is void once the event is not
// delayed until then any more.
type delay struct {
	it  *item
	due time.Time
}

// delays come earliest first.
type delays []delay

func (d delays) Len() int           { return len(d) }
func (d delays) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d delays) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push is for container/heap.
func (d *delays) Push(x any) { *d = append(*d, x.(delay)) }

// Pop is for container/heap.
func (d *delays) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = delay{}
	*d = (*d)[:last]
	return x
}

// peek drops what is void and returns the earliest.
func (d *delays) peek() (delay, bool) {
	for len(*d) > 0 {
		if first := (*d)[0]; first.it.stage == delayed && first.it.due.Equal(first.due) {
			return first, true
		}
		heap.Pop(d)
	}
	return delay{}, false
}
