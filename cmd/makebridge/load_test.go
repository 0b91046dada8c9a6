package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// eventLoad publishes events and keeps a ledger of them.
type eventLoad struct {
	w      *world
	stop   context.CancelFunc
	actors sync.WaitGroup

	mu    sync.Mutex
	acked map[string]bool // by event id: false until it is acknowledged
}

const (
	loadPublishers = 4
	loadEvery      = 20 * time.Millisecond
)

// load publishes until the load is judged.
func (w *world) load() *eventLoad {
	ctx, cancel := context.WithCancel(w.t.Context())
	l := &eventLoad{w: w, stop: cancel, acked: map[string]bool{}}
	for p := range loadPublishers {
		l.actors.Go(func() {
			for n := 0; chaosPause(ctx, loadEvery); n++ {
				l.publish(fmt.Sprintf("event-%d-%d", p, n))
			}
		})
	}
	w.t.Cleanup(func() { cancel(); l.actors.Wait() })
	return l
}

// publish publishes one event until it is acknowledged.
func (l *eventLoad) publish(id string) {
	msg := &nats.Msg{Subject: "payments.success", Data: []byte(paymentEvent(id)), Header: nats.Header{jetstream.MsgIDHeader: {id}}}
	for acked := false; !acked && l.w.t.Context().Err() == nil; {
		l.write(id, false)
		ctx, cancel := context.WithTimeout(l.w.t.Context(), time.Second)
		_, err := l.w.js.PublishMsg(ctx, msg)
		cancel()
		if acked = err == nil; !acked {
			chaosPause(l.w.t.Context(), 50*time.Millisecond)
		}
	}
	l.write(id, true)
}

func (l *eventLoad) write(id string, acked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id] = acked
}

// goesOn waits until so many events more than now have been accepted, which
// are published from now on for the most part.
func (l *eventLoad) goesOn(events int) {
	l.w.t.Helper()
	before := l.w.makecom.Counts().AcceptedEvents
	l.w.eventually("events to be accepted again", func() bool { return l.w.makecom.Counts().AcceptedEvents >= before+events })
}

// judge ends the load, waits until everything is settled, and complains of
// events that were acknowledged and not delivered, or delivered and never
// published. It returns how often each event was accepted that was accepted
// more than once.
func (l *eventLoad) judge() (again map[string]int) {
	t := l.w.t
	t.Helper()
	l.stop()
	l.actors.Wait()
	l.w.eventually("everything to be settled", func() bool {
		c, err := l.w.js.Consumer(t.Context(), "EVENTS", "payments")
		if err != nil {
			return false
		}
		i := *c.CachedInfo()
		return led(i) && i.Delivered.Consumer > 0 && i.NumPending == 0 && i.NumAckPending == 0
	})
	accepted := map[string]int{}
	for _, a := range l.w.makecom.Arrivals() {
		if _, published := l.acked[a.EventID]; !published {
			t.Errorf("event %q was never published", a.EventID)
		}
		if a.Accepted() {
			accepted[a.EventID]++
		}
	}
	for id, acked := range l.acked {
		if acked && accepted[id] == 0 {
			t.Errorf("event %s is lost", id)
		}
	}
	if n := len(l.w.letters()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
	t.Logf("%d events published, %d accepted", len(l.acked), len(accepted))
	maps.DeleteFunc(accepted, func(_ string, n int) bool { return n == 1 })
	return accepted
}
