package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

const (
	// chaosPublishers publish about 100 events a second together, which is
	// less than the destinations take when they are well.
	chaosPublishers = 12
	chaosEvery      = 120 * time.Millisecond
	// chaosID is the header in which a dead letter keeps the id of an event
	// that is not one.
	chaosID = "Chaos-Id"
)

// chaosEvent is an event that was published, or may have been.
type chaosEvent struct {
	subject string
	key     string // of those that keep their order, on a route that does by key
	invalid bool
	body    [sha256.Size]byte
	acked   bool
	repeats int
}

// routes returns the routes of its subject.
func (e chaosEvent) routes() (rs []chaosRoute) {
	for _, r := range chaosRoutes() {
		if strings.HasPrefix(e.subject, strings.TrimSuffix(r.subjects, ">")) {
			rs = append(rs, r)
		}
	}
	return rs
}

// chaosLedger knows every event by its id.
type chaosLedger struct {
	mu     sync.Mutex
	events map[string]chaosEvent
}

func newChaosLedger() *chaosLedger { return &chaosLedger{events: map[string]chaosEvent{}} }

func (l *chaosLedger) write(id string, e chaosEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[id] = e
}

func (l *chaosLedger) event(id string) chaosEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[id]
}

// chaosPublisher is a service that publishes one event after another.
type chaosPublisher struct {
	name   string
	js     jetstream.JetStream
	ledger *chaosLedger
	dice   *rand.Rand

	appointments chaosAppointments
}

// run publishes until harming is done. What is not acknowledged then is still
// repeated until ctx is done.
func (p *chaosPublisher) run(harming, ctx context.Context) {
	p.appointments = chaosAppointments{name: p.name, dice: p.dice}
	for n := 0; p.pause(harming); n++ {
		id := fmt.Sprintf("%s-%d", p.name, n)
		e, body := p.event(id)
		e.body = sha256.Sum256(body)
		msg := &nats.Msg{Subject: e.subject, Data: body, Header: nats.Header{jetstream.MsgIDHeader: {id}, chaosID: {id}}}
		p.ledger.write(id, e)
		givesUp := p.dice.IntN(20) == 0
		for e.acked = p.publish(ctx, msg); !e.acked && !givesUp && chaosPause(ctx, 100*time.Millisecond); e.repeats++ {
			e.acked = p.publish(ctx, msg)
		}
		p.ledger.write(id, e)
	}
}

// pause waits before the next event, unless it belongs to the same burst.
func (p *chaosPublisher) pause(harming context.Context) bool {
	if p.appointments.burst {
		return harming.Err() == nil
	}
	return chaosPause(harming, between(p.dice, chaosEvery/2, 3*chaosEvery/2))
}

// publish reports whether JetStream acknowledged.
func (p *chaosPublisher) publish(ctx context.Context, msg *nats.Msg) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := p.js.PublishMsg(ctx, msg)
	return err == nil
}

// event makes an event up; about one in twenty-five is invalid.
func (p *chaosPublisher) event(id string) (e chaosEvent, body []byte) {
	envelope := func(typ, payload string) string {
		return fmt.Sprintf("{ %q: %q,\n \"event_id\":%q, \"sent_at\":\"2026-01-02T03:04:05Z\",\t\"payload\":%s, \"n\":\"\\u00e9é%d\"}",
			"type", typ, id, payload, p.dice.Uint64())
	}
	example := func(typ string) string { payload, _ := schemas.Example(typ); return envelope(typ, string(payload)) }
	text := ""
	switch n := p.dice.IntN(100); {
	case n < 20 || p.appointments.burst:
		var typ, payload string
		typ, payload, e.key = p.appointments.next()
		e.subject, text = subjectOf(typ), envelope(typ, payload)
	case n < 23:
		e.subject, text = "journal.entries", envelope("journal.entry", `{"of":"`+strings.Repeat("x", p.dice.IntN(4000))+`"}`)
	case n < 50:
		e.subject, text = "payments.success", example(schemas.TypePaymentSuccess)
	case n < 60: // two routes
		e.subject, text = "payments.audited.late", envelope("payment.audited", `{"of":"`+strings.Repeat("x", p.dice.IntN(4000))+`"}`)
	case n < 79:
		e.subject, text = "messages.sent", example(schemas.TypeMessageSent)
	case n < 95:
		e.subject, text = "tickets.created", example(schemas.TypeTicketCreated)
	case n < 96:
		e.subject, text, e.invalid = "appointments.created", envelope(schemas.TypeAppointmentCreated, `{}`), true
	case n < 97:
		e.subject, text, e.invalid = "payments.audited.now", envelope("payment.audited", `"no object"`), true
	case n < 98:
		e.subject, text, e.invalid = "messages.sent", `{"type":"message.sent","event_id":"`+id, true
	case n < 99:
		e.subject, text, e.invalid = "tickets.created", envelope(schemas.TypeTicketCreated, `{}`), true
	default:
		e.subject, text, e.invalid = "payments.success", example(schemas.TypeMessageSent), true
	}
	return e, []byte(text)
}
