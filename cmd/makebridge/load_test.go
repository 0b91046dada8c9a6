package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/standin"
)

// eventLoad publishes events for a route and keeps a ledger of them.
type eventLoad struct {
	w              *world
	route, subject string
	body           func(id string) string
	stop           context.CancelFunc
	actors         sync.WaitGroup

	mu    sync.Mutex
	acked map[string]bool // by event id: false until it is acknowledged
}

const (
	loadPublishers = 4
	loadEvery      = 20 * time.Millisecond
	// loadKeys are those of each publisher, on a route that keeps an order.
	loadKeys = 8
)

// load publishes payments until the load is judged.
func (w *world) load() *eventLoad { return w.loadOf("payments", "payments.success", paymentEvent) }

// loadOf publishes events, whose ids are <key>/<number>, until the load is
// judged.
func (w *world) loadOf(route, subject string, body func(id string) string) *eventLoad {
	ctx, cancel := context.WithCancel(w.t.Context())
	l := &eventLoad{w: w, route: route, subject: subject, body: body, stop: cancel, acked: map[string]bool{}}
	for p := range loadPublishers {
		l.actors.Go(func() {
			for n := 0; chaosPause(ctx, loadEvery); n++ {
				l.publish(fmt.Sprintf("%s-%d-%d/%d", route, p, n%loadKeys, n/loadKeys))
			}
		})
	}
	w.t.Cleanup(func() { cancel(); l.actors.Wait() })
	return l
}

// publish publishes one event until it is acknowledged.
func (l *eventLoad) publish(id string) {
	msg := &nats.Msg{Subject: l.subject, Data: []byte(l.body(id)), Header: nats.Header{jetstream.MsgIDHeader: {id}}}
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
	before := l.accepted()
	l.w.eventually("events to be accepted again", func() bool { return l.accepted() >= before+events })
}

// accepted counts the events of the load's route that were accepted.
func (l *eventLoad) accepted() int {
	ids := map[string]bool{}
	for _, a := range l.arrivals() {
		if a.Accepted() {
			ids[a.EventID] = true
		}
	}
	return len(ids)
}

// arrivals are the requests of the load's route.
func (l *eventLoad) arrivals() []standin.Arrival {
	other := func(a standin.Arrival) bool { return a.Path != "/"+l.route }
	return slices.DeleteFunc(l.w.makecom.Arrivals(), other)
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
	l.w.settled(l.route)
	accepted := map[string]int{}
	for _, a := range l.arrivals() {
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
	t.Logf("%s: %d events published, %d accepted", l.route, len(l.acked), len(accepted))
	maps.DeleteFunc(accepted, func(_ string, n int) bool { return n == 1 })
	return accepted
}
