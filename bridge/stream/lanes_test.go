package stream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// laneItem is an event of a key as a delivery brings it.
func laneItem(key string, seq uint64, delivery int, touched time.Time) *item {
	it := &item{
		Message: bridge.Message{Body: []byte(keyed(key, int(seq))), Sequence: seq, Delivery: delivery},
		id:      identity{sequence: seq}, ackWait: time.Minute, msg: &nats.Msg{}, delivery: delivery, touched: touched,
	}
	return it
}

// starts lists the sequences of what can start now.
func starts(q *lanes, now time.Time) []uint64 {
	var list []uint64
	for it := q.next(now); it != nil; it = q.next(now) {
		list = append(list, it.Sequence)
	}
	return list
}

func TestLanesStartTheOldestHeads(t *testing.T) {
	t.Parallel()
	now := time.Now()
	q := newLanes(bridge.OrderingKey)
	items := map[uint64]*item{}
	for _, e := range []struct {
		key string
		seq uint64
	}{{"b", 5}, {"a", 9}, {"a", 3}, {"b", 2}, {"c", 7}} { // as redeliveries may come
		items[e.seq] = laneItem(e.key, e.seq, 1, now)
		q.add(items[e.seq])
	}
	if n := q.coming(); n != 3 {
		t.Errorf("%d can start, want one of each key", n)
	}
	if diff := cmp.Diff([]uint64{2, 3, 7}, starts(q, now)); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	older := laneItem("a", 1, 2, now)
	q.add(older) // it cannot overtake what has started
	q.decided(items[3])
	if got := starts(q, now); len(got) > 0 {
		t.Errorf("%d started before their predecessor was settled", got)
	}
	q.leave(items[3])
	if diff := cmp.Diff([]uint64{1}, starts(q, now)); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	q.leave(older)
	q.leave(items[2])
	if diff := cmp.Diff([]uint64{5, 9}, starts(q, now)); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	for _, it := range []*item{items[5], items[9], items[7]} {
		q.leave(it)
	}
	if len(q.byKey) > 0 || len(q.heads) > 0 {
		t.Errorf("%d lanes are left", len(q.byKey))
	}
}

// TestHeadThatReturnsKeepsItsLaneWaiting: whatever made it return, it starts on
// its next delivery only, and nothing prolongs the one before that.
func TestHeadThatReturnsKeepsItsLaneWaiting(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, sendBack := range map[string]func(*lanes, *item){
		"its delay is over": func(q *lanes, it *item) {
			q.putOff(q.next(now), now, 0)
			if due := q.takeDue(now); len(due) != 1 || due[0] != it {
				t.Errorf("due: %d events", len(due))
			}
		},
		"somebody took its note": func(q *lanes, it *item) {
			q.putOff(q.next(now), now.Add(time.Hour), 7)
			if q.recalled(it, 7, now) {
				t.Error("recalled by its own note")
			}
			if !q.recalled(it, 8, now) {
				t.Error("not recalled")
			}
		},
		"it was interrupted": func(q *lanes, _ *item) {
			if it := q.next(now); !q.release(it, now) {
				t.Error("not released")
			}
		},
		"it was not heard of": func(q *lanes, it *item) {
			it.touched = now.Add(-time.Hour)
			if got := starts(q, now); len(got) > 0 {
				t.Errorf("%d started", got)
			}
		},
		"it was not heard of again after it was redelivered": func(q *lanes, it *item) {
			it.replace(laneItem("a", 1, 2, now.Add(-time.Hour)))
			q.redelivered(it)
			if got := starts(q, now); len(got) > 0 {
				t.Errorf("%d started", got)
			}
		},
		"it was not heard of behind another": func(q *lanes, it *item) {
			it.touched = now.Add(-time.Hour)
			q.notHeardOf(now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newLanes(bridge.OrderingKey)
			q.activate()
			head, behind := laneItem("a", 1, 1, now), laneItem("a", 2, 1, now)
			q.add(head)
			q.add(behind)
			sendBack(q, head)
			if got := starts(q, now); len(got) > 0 || q.backs() != 1 || q.blocked() != 1 {
				t.Fatalf("%d started, %d return, %d lanes blocked", got, q.backs(), q.blocked())
			}
			if err := head.keepAlive(now.Add(30*time.Second), nil); err != nil { // with a word to the server it would panic
				t.Errorf("its delivery is prolonged: %v", err)
			}
			head.replace(laneItem("a", 1, 2, now))
			q.redelivered(head)
			it := q.next(now)
			if it != head || q.backs() != 0 {
				t.Fatalf("not started on its next delivery, %d return", q.backs())
			}
			it.begin()
			if it.Delivery != 2 {
				t.Errorf("delivery %d, want 2", it.Delivery)
			}
		})
	}
}

// TestRedeliveryThatComesFirst: an event is brought back while its failure is
// still being noted.
func TestRedeliveryThatComesFirst(t *testing.T) {
	t.Parallel()
	now := time.Now()
	q := newLanes(bridge.OrderingKey)
	q.activate()
	it := laneItem("a", 1, 1, now)
	q.add(it)
	q.next(now)
	q.decided(it)
	it.replace(laneItem("a", 1, 2, now))
	q.redelivered(it)
	q.putOff(it, now.Add(time.Hour), 1)
	if diff := cmp.Diff([]uint64{1}, starts(q, now)); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
}

// TestDrainedLanesTakeNothingBack: the route may be another replica's as soon as
// they are drained. What stayed in hand after that would be kept alive, and from
// that replica, for as long as this one lives.
func TestDrainedLanesTakeNothingBack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, back := range map[string]func(*lanes, *item) bool{
		"to start again": func(q *lanes, it *item) bool { return q.again(it) },
		"put off":        func(q *lanes, it *item) bool { return q.putOff(it, now.Add(time.Hour), 1) },
		"given back":     func(q *lanes, it *item) bool { return q.release(it, now) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newLanes(bridge.OrderingKey)
			q.activate()
			it := laneItem("a", 1, 1, now)
			q.add(it)
			q.next(now)
			q.decided(it)
			q.drain()
			if back(q, it) {
				t.Error("taken back by drained lanes")
			}
			q.activate() // another tenure: the event is in it still
			if !back(q, it) {
				t.Error("not taken back by lanes that serve again")
			}
		})
	}
}

// TestHeadThatStartsAgainLetsOlderOnesGoFirst: older events come late where the
// server has forgotten what it had handed out.
func TestHeadThatStartsAgainLetsOlderOnesGoFirst(t *testing.T) {
	t.Parallel()
	now := time.Now()
	q := newLanes(bridge.OrderingKey)
	q.activate()
	head := laneItem("a", 5, 1, now)
	q.add(head)
	q.next(now)
	for _, seq := range []uint64{7, 3, 1} {
		q.add(laneItem("a", seq, 1, now))
	}
	q.decided(head)
	q.putOff(head, now.Add(time.Hour), 1)
	var order []uint64
	for it := q.next(now); it != nil; it = q.next(now) {
		order = append(order, it.Sequence)
		q.leave(it)
	}
	if diff := cmp.Diff([]uint64{1, 3}, order); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	if n := q.blocked(); n != 1 {
		t.Errorf("%d lanes wait, want one: 7 is behind 5", n)
	}
}
