package stream

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// identity tells events apart. A sequence alone does not: a stream that was
// deleted and created again counts from 1.
type identity struct {
	sequence  uint64
	published int64
}

// precedes reports whether the event is older than a stream.
func (id identity) precedes(created time.Time) bool { return id.published < created.UnixNano() }

// item is an event in hand: pulled, and not settled yet.
type item struct {
	bridge.Message
	id      identity
	origin  *origin
	number  uint64 // of the delivery that brought it, among those of the consumer
	ackWait time.Duration
	// caution is that of an event which was delivered before, once it is handled.
	caution *caution
	verdict bridge.Verdict // of its latest handling
	place                  // in its lane, if the route keeps an order

	mu       sync.Mutex
	msg      *nats.Msg               // its latest delivery, which is the one to settle
	delivery int                     // the number of that
	tenure   Tenure                  // in which that came; nil: the route keeps no order
	given    bool                    // back to the server, until the next delivery
	touched  time.Time               // when the server last heard of it, as far as it has said
	ending   bool                    // the stream will soon take it
	cancel   context.CancelCauseFunc // ends its wait, once it is handled
}

// newItem reads a delivery, which the server made after heard, within a tenure.
func newItem(msg *nats.Msg, route string, ackWait time.Duration, heard time.Time, t Tenure) (*item, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	it := &item{
		Message: bridge.Message{
			Subject:     strings.TrimPrefix(msg.Subject, redeliverPrefix+route+"."),
			Body:        msg.Data,
			TraceParent: msg.Header.Get("traceparent"),
			TraceState:  strings.Join(msg.Header.Values("tracestate"), ","),
			Sequence:    meta.Sequence.Stream,
			Published:   meta.Timestamp,
			Delivery:    int(meta.NumDelivered), //nolint:gosec // a count of deliveries
		},
		ackWait: ackWait,
		id:      identity{meta.Sequence.Stream, meta.Timestamp.UnixNano()},
		number:  meta.Sequence.Consumer,
		msg:     msg,
		tenure:  t,
		touched: heard,
	}
	it.delivery = it.Delivery
	it.Lost = func() bool { return it.lost(time.Now()) }
	return it, nil
}

// latest returns the delivery to settle.
func (it *item) latest() *nats.Msg {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.msg
}

// replace takes a newer delivery of the same event, which came because the
// server had not heard of it for the ack wait.
func (it *item) replace(newer *item) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.msg, it.delivery, it.tenure = newer.msg, newer.delivery, newer.tenure
	it.touched, it.given = newer.touched, false
}

// begin makes the latest delivery the one that is handled.
func (it *item) begin() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.Delivery = it.delivery
}

// renewed reports whether a later delivery than the one that was handled has
// come.
func (it *item) renewed() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.delivery > it.Delivery
}

// giveBack notes that the event is the server's again: nothing may prolong this
// delivery.
func (it *item) giveBack() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.given = true
}

// returns reports whether the event was given back and has not come again.
func (it *item) returns() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.given
}

// lost reports whether the event may be in somebody else's hands.
func (it *item) lost(now time.Time) bool {
	it.mu.Lock()
	t := it.tenure
	it.mu.Unlock()
	return it.stale(now) || t != nil && !t.Holds()
}

// dismissed reports whether the route is somebody else's since the delivery
// came.
func (it *item) dismissed() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.tenure == nil {
		return false
	}
	select {
	case <-it.tenure.Over():
		return true
	default:
		return false
	}
}

// stale reports whether the server may have handed the event to somebody else; one
// whose stream is no more it can hand to nobody.
func (it *item) stale(now time.Time) bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return now.Sub(it.touched) > it.ackWait && !it.orphaned()
}

// started makes cancel what ends the event's wait; nil: it is over.
func (it *item) started(cancel context.CancelCauseFunc) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.cancel = cancel
}

// plain reports whether a verdict asks for an acknowledgement and nothing else:
// of an event that was delivered before there may be notes.
func (it *item) plain() bool {
	return it.Delivery == 1 && (it.verdict.Outcome == bridge.Delivered || it.verdict.Outcome == bridge.Filtered)
}

// expire ends the event's wait, because the stream will soon take it.
func (it *item) expire() {
	it.mu.Lock()
	it.ending = true
	it.mu.Unlock()
	it.end(bridge.ErrExpiring)
}

// expiring reports whether the stream will soon take the event.
func (it *item) expiring() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.ending
}

// end ends the event's wait, if it is handled.
func (it *item) end(cause error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.cancel != nil {
		it.cancel(cause)
	}
}

// keepAlive tells the server that the event is still in hand, unless it has
// heard so lately. It says nothing of an event that the server may have handed
// to somebody else: that would prolong the other's delivery, and make this one
// look young again; nor of one whose stream may be no more.
func (it *item) keepAlive(now time.Time, p *pulse) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if silence := now.Sub(it.touched); it.doubtful() || it.given || silence < it.ackWait/3 || silence > it.ackWait {
		return nil
	}
	return p.send(it.msg, it.id, now)
}

// kept notes that the server has heard of the event since then, as it says now. An
// answer that comes later than the ack wait proves nothing: a server that is slow may
// have handed the event to somebody else before it took what it confirms, which
// prolongs the other's delivery then.
func (it *item) kept(since, now time.Time) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if since.After(it.touched) && now.Sub(it.touched) <= it.ackWait {
		it.touched = since
	}
}

// hand is the set of events in hand, and the memory of those that the webhook
// accepted lately.
type hand struct {
	mu       sync.Mutex
	items    map[identity]*item
	bytes    int // of their bodies
	accepted recent
}

func newHand() *hand { return &hand{items: map[identity]*item{}} }

// take adds an event. One that is in hand already takes over the new delivery
// and is returned: nobody handles an event twice at a time.
func (h *hand) take(it *item) (held *item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if held, ok := h.items[it.id]; ok {
		held.replace(it)
		return held
	}
	h.items[it.id] = it
	h.bytes += len(it.Body)
	return nil
}

// drop forgets an event.
func (h *hand) drop(it *item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.items[it.id] == it {
		delete(h.items, it.id)
		h.bytes -= len(it.Body)
	}
}

// find returns an event that is in hand, or nil.
func (h *hand) find(id identity) *item {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.items[id]
}

// size is how many events are in hand, and the bytes of their bodies.
func (h *hand) size() (events, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.items), h.bytes
}

// remember notes that the webhook has accepted an event.
func (h *hand) remember(it *item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted.add(it.id)
}

// knows reports whether the webhook has accepted the event already.
func (h *hand) knows(it *item) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accepted.has(it.id)
}

// all returns the events in hand.
func (h *hand) all() []*item {
	h.mu.Lock()
	defer h.mu.Unlock()
	items := make([]*item, 0, len(h.items))
	for _, it := range h.items {
		items = append(items, it)
	}
	return items
}
