package stream

import "time"

// This file is what lanes know of events that are on their way back from the
// server: their lane waits for them. An event returns because it was given
// back, when its delay was over or by another replica, or because the server
// has not heard of it for the ack wait. It must not start on its old delivery:
// the delivery count has to be the server's, and the event could be somebody
// else's.

// returns has an event wait for its next delivery, unless that has come and
// the server has heard of it since. The lock is held.
func (q *lanes) returns(it *item, now time.Time) {
	if it.renewed() && !it.stale(now) {
		q.set(it, waiting)
		return
	}
	it.giveBack()
	it.since = now
	q.set(it, returning)
}

// redelivered notes that an event which is in hand has been delivered again.
func (q *lanes) redelivered(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.stage == delayed || it.stage == returning {
		q.set(it, waiting)
	}
}

// release has the lane of an event wait for its next delivery, and reports
// false where that will not come here: the route is another replica's.
func (q *lanes) release(it *item, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.takes(it) {
		return false
	}
	q.returns(it, now)
	return true
}

// recalled notes that the note of an event was removed at a revision: whoever
// did that gives it back. It reports whether the event waited for that.
func (q *lanes) recalled(it *item, revision uint64, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.stage != delayed || revision <= it.noted {
		return false
	}
	q.returns(it, now)
	return true
}

// notHeardOf finds the events that the server will hand out again by itself.
func (q *lanes) notHeardOf(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.find(func(it *item) bool {
		return (it.stage == waiting || it.stage == delayed) && it.stale(now)
	}) {
		q.returns(it, now)
	}
}

// missed returns the events that have been returning since then or longer.
func (q *lanes) missed(since time.Time) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.back == 0 {
		return nil
	}
	return q.find(func(it *item) bool { return it.stage == returning && !it.since.After(since) })
}

// forsake takes out events that are still returning: they will not come.
func (q *lanes) forsake(items []*item) (gone []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		if it.stage == returning {
			q.out(it)
			gone = append(gone, it)
		}
	}
	return gone
}

// expired takes out the events that have not started and for which over holds.
// They will not be posted, so their lanes need not wait for them.
func (q *lanes) expired(over func(*item) bool) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.find(func(it *item) bool { return (it.stage == waiting || it.stage == delayed) && over(it) })
	for _, it := range items {
		q.out(it)
	}
	return items
}

// backs is how many events are returning.
func (q *lanes) backs() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.back
}

// blocked is how many lanes wait for their head: for its retry, its next
// delivery, or its settlement.
func (q *lanes) blocked() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.byKey {
		if s := l.items[0].stage; s != waiting && s != running {
			n++
		}
	}
	return n
}
