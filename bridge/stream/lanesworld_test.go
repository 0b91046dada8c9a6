package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// lanesWorld is lanes and a hand, with a server and a clock of the test's own. Its
// methods are what the consumer does, and what may happen to it.
type lanesWorld struct {
	t       *testing.T
	q       *lanes
	hand    *hand
	now     time.Time
	serving bool
	events  []*lanesEvent
	started []*item // there is no verdict on them
	decided []*item // which is not carried out
	log     []string
}

// lanesEvent is what the server knows of an event.
type lanesEvent struct {
	key        string
	sequence   uint64
	deliveries int
	heard      time.Time // when it last heard of the delivery that is out
	out        bool      // handed out and not acknowledged
	back       bool      // given back, or not handed out yet
	done       bool      // acknowledged, or removed from the stream
}

const worldAckWait = time.Minute

func newLanesWorld(t *testing.T, o bridge.Ordering) *lanesWorld {
	w := &lanesWorld{t: t, q: newLanes(o), hand: newHand(), now: time.Now()}
	w.serve()
	return w
}

// fail ends the test with what has happened.
func (w *lanesWorld) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(w.log, ", "))
}

func (w *lanesWorld) event(it *item) *lanesEvent { return w.events[it.Sequence-1] }

// inHand lists the events in hand, the oldest first.
func (w *lanesWorld) inHand() []*item {
	return slices.SortedFunc(slices.Values(w.hand.all()), func(a, b *item) int { return int(a.Sequence) - int(b.Sequence) })
}

func (w *lanesWorld) publish(key string) {
	e := &lanesEvent{key: key, sequence: uint64(len(w.events) + 1), back: true}
	w.events = append(w.events, e)
	w.deliver(e)
}

// deliver is a delivery, and the consumer's receive.
func (w *lanesWorld) deliver(e *lanesEvent) {
	if e.done {
		return
	}
	e.deliveries++
	e.heard, e.out, e.back = w.now, true, false
	if !w.serving {
		return // somebody else's, or lost
	}
	it := laneItem(e.key, e.sequence, e.deliveries, w.now)
	if held := w.hand.take(it); held != nil {
		w.q.redelivered(held)
		if held.stage == delayed || held.stage == returning {
			w.fail("%d has come again and waits for that still", held.Sequence)
		}
		return
	}
	w.q.add(it)
}

// due are the events that the server would hand out again.
func (w *lanesWorld) due() (due []*lanesEvent) {
	for _, e := range w.events {
		if !e.done && (e.back || w.now.Sub(e.heard) > worldAckWait) {
			due = append(due, e)
		}
	}
	return due
}

// pass lets time pass in which events are kept alive, unless the server hears
// nothing of that; its answers may be lost.
func (w *lanesWorld) pass(d time.Duration, hears, answers bool) {
	for ; d > 0; d -= worldAckWait / 6 {
		w.now = w.now.Add(min(d, worldAckWait/6))
		for _, it := range w.hand.all() {
			if silence := w.now.Sub(it.touched); it.given || silence < worldAckWait/3 || silence > worldAckWait || !hears {
				continue
			}
			w.event(it).heard = w.now
			if answers {
				it.kept(w.now, w.now)
			}
		}
	}
}

// start is what the consumer does with a free slot.
func (w *lanesWorld) start() bool {
	if !w.serving {
		return false
	}
	it := w.q.next(w.now)
	if it == nil {
		return false
	}
	if it.stale(w.now) {
		w.fail("%d starts, which may be in somebody else's hands", it.Sequence)
	}
	for _, other := range it.lane.items {
		if other != it && (other.Sequence < it.Sequence || other.stage.handled()) {
			w.fail("%d starts and %d is not settled", it.Sequence, other.Sequence)
		}
	}
	it.begin()
	w.started = append(w.started, it)
	return true
}

// decide is the end of handling an event.
func (w *lanesWorld) decide(n int) {
	if it := take1(&w.started, n); it != nil {
		w.q.decided(it)
		w.decided = append(w.decided, it)
	}
}

// The verdicts, as the consumer carries them out.

func (w *lanesWorld) acknowledge(it *item) {
	w.event(it).done = true
	w.drop(it)
}

func (w *lanesWorld) putOff(it *item, delay time.Duration, recalled bool) {
	if !w.q.putOff(it, w.now.Add(delay), 1) {
		w.giveBack(it, recalled)
	}
}

func (w *lanesWorld) again(it *item) {
	if it.stale(w.now) || !w.q.again(it) {
		w.giveBack(it, true)
	}
}

func (w *lanesWorld) giveBack(it *item, recalled bool) {
	if !w.q.release(it, w.now) {
		w.drop(it)
		return
	}
	w.recall(it, recalled)
}

func (w *lanesWorld) drop(it *item) {
	w.hand.drop(it)
	w.q.leave(it)
}

// recall gives an event back; the nak may be lost.
func (w *lanesWorld) recall(it *item, arrives bool) {
	if e := w.event(it); arrives && !it.stale(w.now) && e.out {
		e.back = true
	}
}

func (w *lanesWorld) recallDue(arrives bool) {
	for _, it := range w.q.takeDue(w.now) {
		w.recall(it, arrives)
	}
}

// recalledByOthers is that somebody removes the note of an event.
func (w *lanesWorld) recalledByOthers(it *item, arrives bool) {
	w.q.recalled(it, 2, w.now)
	w.recall(it, arrives)
}

// expire is that the stream will soon take the events up to a sequence.
func (w *lanesWorld) expire(last uint64) {
	for _, it := range w.q.expired(func(it *item) bool { return it.Sequence <= last }) {
		it.begin()
		w.started = append(w.started, it)
	}
}

// forsake lets go what has not come for long, if the server has none of it.
func (w *lanesWorld) forsake() {
	missed := w.q.missed(w.now.Add(-2 * worldAckWait))
	for _, it := range missed {
		if e := w.event(it); !e.done && e.out {
			return
		}
	}
	for _, it := range w.q.forsake(missed) {
		w.hand.drop(it)
	}
}

// withdraw is that the route is another replica's, or that its consumer is gone.
func (w *lanesWorld) withdraw() {
	for _, it := range w.q.drain() {
		w.hand.drop(it)
	}
	w.serving = false
}

func (w *lanesWorld) serve() {
	w.q.activate()
	w.serving = true
}

// forget is that a consumer takes the place of the one that was deleted: it counts
// deliveries anew.
func (w *lanesWorld) forget() {
	w.withdraw()
	for _, e := range w.events {
		e.deliveries, e.out, e.back = 0, false, true
	}
}

// finish has everything go well from now on, and expects nothing to be left.
func (w *lanesWorld) finish() {
	w.serve()
	for range 100 {
		w.pass(worldAckWait/3, true, true)
		w.recallDue(true)
		w.q.notHeardOf(w.now)
		w.forsake()
		for _, e := range w.due() {
			w.deliver(e)
		}
		for w.start() || len(w.started)+len(w.decided) > 0 {
			w.decide(0)
			w.check()
			if it := take1(&w.decided, 0); it != nil {
				w.acknowledge(it)
			}
			w.check()
		}
		if len(w.inHand()) == 0 && !slices.ContainsFunc(w.events, func(e *lanesEvent) bool { return !e.done }) {
			break
		}
	}
	for _, it := range w.inHand() {
		w.fail("%d is stuck in stage %d", it.Sequence, it.stage)
	}
	for _, e := range w.events {
		if !e.done {
			w.fail("%d is stuck at the server", e.sequence)
		}
	}
	if n := len(w.q.byKey) + len(w.q.heads) + w.q.back; n > 0 {
		w.fail("%d lanes, %d heads, %d returning are left", len(w.q.byKey), len(w.q.heads), w.q.back)
	}
}

// check looks for what must never be.
func (w *lanesWorld) check() {
	startable, returns, inLanes := 0, 0, 0
	for key, l := range w.q.byKey {
		if l.key != key || len(l.items) == 0 {
			w.fail("lane %q holds %d events as %q", l.key, len(l.items), key)
		}
		inLanes += len(l.items)
		for n, it := range l.items {
			w.checkItem(l, n, it)
			if it.stage == returning {
				returns++
			}
		}
		if l.startable() != (l.index >= 0) {
			w.fail("lane %q: startable %v, among the heads %d", key, l.startable(), l.index)
		}
		if l.startable() {
			startable++
		}
	}
	for n, l := range w.q.heads {
		if l.index != n || n > 0 && w.q.heads.Less(n, (n-1)/2) {
			w.fail("the heads are in no order")
		}
	}
	for _, it := range w.inHand() {
		if it.lane != nil {
			inLanes--
		} else if !slices.Contains(w.started, it) && !slices.Contains(w.decided, it) {
			w.fail("%d is in hand, in no lane, and nobody handles it", it.Sequence)
		}
	}
	if startable != len(w.q.heads) || returns != w.q.back || inLanes != 0 {
		w.fail("%d lanes can start and %d are among the heads, %d return and %d are counted, %d more in lanes than in hand",
			startable, len(w.q.heads), returns, w.q.back, inLanes)
	}
}

func (w *lanesWorld) checkItem(l *lane, n int, it *item) {
	handled := it.stage.handled()
	switch {
	case it.lane != l:
		w.fail("%d does not know its lane", it.Sequence)
	case it.stage == 0:
		w.fail("%d is in no stage", it.Sequence)
	case handled && n > 0:
		w.fail("%d is handled behind %d", it.Sequence, l.items[0].Sequence)
	case handled != (slices.Contains(w.started, it) || slices.Contains(w.decided, it)):
		w.fail("%d is in stage %d, and nobody handles it", it.Sequence, it.stage)
	case !handled && !w.serving:
		w.fail("%d stays in stage %d, and the route is another replica's", it.Sequence, it.stage)
	case it.given != (it.stage == returning):
		w.fail("%d is in stage %d, given back: %v", it.Sequence, it.stage, it.given)
	case it.stage == delayed && !slices.ContainsFunc(w.q.delays, func(d delay) bool { return d.it == it && d.due.Equal(it.due) }):
		w.fail("%d is put off until never", it.Sequence)
	case n > 0 && l.items[n-1].Sequence >= it.Sequence && !l.items[n-1].stage.handled():
		w.fail("%d is behind %d", it.Sequence, l.items[n-1].Sequence)
	}
}

// take1 takes the n-th out of a list, counted round, nil if there is none.
func take1(list *[]*item, n int) *item {
	if len(*list) == 0 {
		return nil
	}
	n %= len(*list)
	it := (*list)[n]
	*list = slices.Delete(*list, n, n+1)
	return it
}
