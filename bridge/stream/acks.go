package stream

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// acks are the acknowledgements of a route that the server has not confirmed
// yet. None of them has a goroutine that waits for it: they are sent with a
// reply subject each, below one inbox, and repeated until the consumer's leader
// has answered there. What is acknowledged, and how, is for settle.go.
type acks struct {
	nc    *nats.Conn
	send  func(it *item, reply string) error
	inbox string
	// outbox is where they gather; nil where somebody waits for each.
	outbox *outbox
	log    *slog.Logger
	// on counts those on their way, but for those that are stranded.
	on atomic.Int64

	mu      sync.Mutex
	over    bool // nothing is confirmed any more
	told    bool // that some are in trouble
	last    uint64
	waiting map[uint64]*ack // by the last token of their reply subjects
	// stranded are the events that were in hand as their consumer was replaced.
	stranded map[identity]bool
}

// ack is one acknowledgement.
type ack struct {
	of    *acks
	it    *item
	token uint64
	done  func(it *item, confirmed bool)

	// What follows is guarded by the mutex of acks while it waits.
	stranded bool
	sent     time.Time
	repeated bool
	err      error // why it is not confirmed, as far as is known
}

func newAcks(nc *nats.Conn, o *outbox, send func(it *item, reply string) error, log *slog.Logger) *acks {
	return &acks{nc: nc, send: send, inbox: nc.NewInbox(), outbox: o, log: log, waiting: map[uint64]*ack{}}
}

// listen hears the server until stop is called. Its error means that the
// connection is closed.
func (a *acks) listen() (stop func() error, err error) {
	sub, err := a.nc.Subscribe(a.inbox+".*", a.hear)
	if err != nil {
		return nil, fmt.Errorf("subscribe to confirmations of acknowledgements: %w", err)
	}
	return sub.Unsubscribe, nil
}

// start acknowledges an event. It does not wait: done is called, once and not
// necessarily by this goroutine, when the server has confirmed it, or has not
// by the end. It must not block. An event whose stream is no more counts as
// confirmed: nobody waits for its acknowledgement.
func (a *acks) start(it *item, done func(it *item, confirmed bool)) {
	now := time.Now()
	w := &ack{of: a, it: it, done: done, sent: now}
	a.mu.Lock()
	if over := a.over; over || it.orphaned() {
		a.mu.Unlock()
		done(it, !over)
		return
	}
	a.last++
	w.token = a.last
	a.waiting[w.token] = w
	if w.stranded = a.stranded[it.id]; !w.stranded {
		a.on.Add(1)
	}
	a.mu.Unlock()
	if a.outbox == nil || !a.outbox.gather(w, now) {
		w.dispatch()
	}
}

// dispatch sends an acknowledgement, again or for the first time.
func (w *ack) dispatch() {
	if err := w.of.send(w.it, w.of.reply(w.token)); err != nil {
		w.of.fail(w.token, err)
	}
}

func (a *acks) reply(token uint64) string {
	b := make([]byte, 0, 64)
	b = append(b, a.inbox...)
	b = append(b, '.')
	return string(strconv.AppendUint(b, token, 10))
}

// end is for one that is not waited for any more.
func (w *ack) end(confirmed bool) {
	if !w.stranded {
		w.of.on.Add(-1)
	}
	w.done(w.it, confirmed)
}

// fail notes why an acknowledgement was in vain: it need not be waited for.
func (a *acks) fail(token uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, ok := a.waiting[token]; ok {
		w.err = err
	}
}

// hear takes a confirmation. That nobody has heard is none.
func (a *acks) hear(m *nats.Msg) {
	token, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, a.inbox+"."), 10, 64)
	if err != nil {
		return
	}
	if m.Header.Get("Status") != "" {
		a.fail(token, nats.ErrNoResponders)
		return
	}
	a.mu.Lock()
	w, ok := a.waiting[token]
	delete(a.waiting, token)
	a.mu.Unlock()
	if ok { // else it was sent twice, and confirmed before
		w.end(true)
	}
}

// repeat sends again what is not confirmed: at once where it is known to be in
// vain, else when it has been on its way for too long. After a reconnection all
// is sent again: what was on its way may be lost.
func (a *acks) repeat(now time.Time, reconnected bool) {
	if !a.nc.IsConnected() {
		return
	}
	again, trouble := a.due(now, reconnected)
	for _, w := range again {
		w.dispatch()
	}
	a.tell(len(again), trouble)
}

// due takes out what is to be sent again, and says what is wrong with one.
func (a *acks) due(now time.Time, reconnected bool) (again []*ack, trouble error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.waiting {
		if !reconnected && w.err == nil && now.Sub(w.sent) < ackTimeout {
			continue
		}
		if w.err != nil {
			trouble = w.err
		}
		w.sent, w.repeated, w.err = now, true, nil
		again = append(again, w)
	}
	return again, trouble
}

// tell says once that acknowledgements are repeated, and when that is over.
func (a *acks) tell(repeated int, trouble error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := 0
	for _, w := range a.waiting {
		if w.repeated {
			late++
		}
	}
	switch {
	case repeated > 0 && !a.told:
		a.told = true
		if trouble == nil {
			trouble = nats.ErrTimeout
		}
		a.log.Warn("acknowledgements are not confirmed, repeating them", "events", repeated, "error", trouble)
	case late == 0 && a.told:
		a.told = false
		a.log.Info("acknowledgements caught up")
	}
}

// forget lets go of what was to be acknowledged to a stream that is no more.
func (a *acks) forget() {
	a.mu.Lock()
	var gone []*ack
	for token, w := range a.waiting {
		if w.it.orphaned() {
			delete(a.waiting, token)
			gone = append(gone, w)
		}
	}
	a.mu.Unlock()
	for _, w := range gone {
		w.end(true)
	}
}

// strand counts the acknowledgements of these events no longer, now or later: they are
// all that was in hand as their consumer was replaced. The new one answers none of an
// event before it has handed that out again (seen with nats-server 2.15.2), and nobody
// asks for events while as many are counted as may be on their way. They are repeated as
// others are: an event that comes again is acknowledged by its new delivery.
func (a *acks) strand(inHand []*item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stranded = make(map[identity]bool, len(inHand))
	for _, it := range inHand {
		a.stranded[it.id] = true
	}
	for _, w := range a.waiting {
		if !w.stranded {
			w.stranded = true
			a.on.Add(-1)
		}
	}
}

// end gives up what is not confirmed; what is acknowledged from now on is not.
func (a *acks) end() {
	if a.outbox != nil {
		a.outbox.send() // which may come in time
	}
	a.mu.Lock()
	left := a.waiting
	a.over, a.waiting = true, nil
	a.mu.Unlock()
	for _, w := range left {
		w.end(false)
	}
}
