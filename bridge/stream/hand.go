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

// item is an event in hand: pulled, and not settled yet.
type item struct {
	bridge.Message
	id      identity
	ackWait time.Duration
	// caution is that of an event which was delivered before, once it is handled.
	caution *caution

	mu      sync.Mutex
	msg     *nats.Msg               // its latest delivery, which is the one to settle
	touched time.Time               // when the server last heard of it, as far as it has said
	cancel  context.CancelCauseFunc // ends its wait, once it is handled
}

// newItem reads a delivery, which the server made after heard.
func newItem(msg *nats.Msg, route string, ackWait time.Duration, heard time.Time) (*item, error) {
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
		msg:     msg,
		touched: heard,
	}
	it.Lost = func() bool { return it.stale(time.Now()) }
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
	it.msg, it.touched = newer.msg, newer.touched
}

// stale reports whether the server may have handed the event to somebody else.
func (it *item) stale(now time.Time) bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return now.Sub(it.touched) > it.ackWait
}

// started makes cancel what ends the event's wait.
func (it *item) started(cancel context.CancelCauseFunc) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.cancel = cancel
}

// expire ends the event's wait, because the stream will soon take it.
func (it *item) expire() {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.cancel != nil {
		it.cancel(bridge.ErrExpiring)
	}
}

// keepAlive tells the server that the event is still in hand, unless it has
// heard so lately. It says nothing of an event that the server may have handed
// to somebody else: that would prolong the other's delivery, and make this one
// look young again.
func (it *item) keepAlive(now time.Time, p *pulse) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if silence := now.Sub(it.touched); silence < it.ackWait/3 || silence > it.ackWait {
		return nil
	}
	return p.send(it.msg, it.id, now)
}

// kept notes that the server has heard of the event since then.
func (it *item) kept(since time.Time) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if since.After(it.touched) {
		it.touched = since
	}
}

// hand is the set of events in hand, and the memory of those that the webhook
// accepted lately.
type hand struct {
	mu       sync.Mutex
	items    map[identity]*item
	accepted recent
}

func newHand() *hand { return &hand{items: map[identity]*item{}} }

// of returns an event in hand, or nil.
func (h *hand) of(id identity) *item {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.items[id]
}

// take adds an event. Where it is in hand already it takes over the new
// delivery and reports false: nobody handles an event twice at a time.
func (h *hand) take(it *item) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if held, ok := h.items[it.id]; ok {
		held.replace(it)
		return false
	}
	h.items[it.id] = it
	return true
}

// drop forgets an event.
func (h *hand) drop(it *item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.items, it.id)
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
