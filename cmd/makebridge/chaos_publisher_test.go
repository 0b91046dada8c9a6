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

// chaosPublisher is a service that publishes one event after another.
type chaosPublisher struct {
	name   string
	js     jetstream.JetStream
	ledger *chaosLedger
	dice   *rand.Rand
}

// run publishes until harming is done. What is not acknowledged then is still
// repeated until ctx is done.
func (p *chaosPublisher) run(harming, ctx context.Context) {
	for n := 0; chaosPause(harming, between(p.dice, chaosEvery/2, 3*chaosEvery/2)); n++ {
		id := fmt.Sprintf("%s-%d", p.name, n)
		msg, invalid := p.event(id)
		msg.Header = nats.Header{jetstream.MsgIDHeader: {id}, chaosID: {id}}
		e := chaosEvent{subject: msg.Subject, invalid: invalid, body: sha256.Sum256(msg.Data)}
		p.ledger.write(id, e)
		givesUp := p.dice.IntN(20) == 0
		for e.acked = p.publish(ctx, msg); !e.acked && !givesUp && chaosPause(ctx, 100*time.Millisecond); e.repeats++ {
			e.acked = p.publish(ctx, msg)
		}
		p.ledger.write(id, e)
	}
}

// publish reports whether JetStream acknowledged.
func (p *chaosPublisher) publish(ctx context.Context, msg *nats.Msg) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := p.js.PublishMsg(ctx, msg)
	return err == nil
}

// event makes an event up; about one in twenty-five is invalid.
func (p *chaosPublisher) event(id string) (msg *nats.Msg, invalid bool) {
	envelope := func(typ, payload string) string {
		return fmt.Sprintf("{ %q: %q,\n \"event_id\":%q, \"sent_at\":\"2026-01-02T03:04:05Z\",\t\"payload\":%s, \"n\":\"\\u00e9é%d\"}",
			"type", typ, id, payload, p.dice.Uint64())
	}
	example := func(typ string) string { payload, _ := schemas.Example(typ); return envelope(typ, string(payload)) }
	subject, body := "", ""
	switch n := p.dice.IntN(100); {
	case n < 35:
		subject, body = "payments.success", example(schemas.TypePaymentSuccess)
	case n < 50: // two routes
		subject, body = "payments.audited.late", envelope("payment.audited", `{"of":"`+strings.Repeat("x", p.dice.IntN(4000))+`"}`)
	case n < 75:
		subject, body = "messages.sent", example(schemas.TypeMessageSent)
	case n < 96:
		subject, body = "tickets.created", example(schemas.TypeTicketCreated)
	case n < 97:
		subject, body, invalid = "payments.audited.now", envelope("payment.audited", `"no object"`), true
	case n < 98:
		subject, body, invalid = "messages.sent", `{"type":"message.sent","event_id":"`+id, true
	case n < 99:
		subject, body, invalid = "tickets.created", envelope(schemas.TypeTicketCreated, `{}`), true
	default:
		subject, body, invalid = "payments.success", example(schemas.TypeMessageSent), true
	}
	return &nats.Msg{Subject: subject, Data: []byte(body)}, invalid
}
