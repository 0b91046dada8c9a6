package stream

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// BenchmarkEvent is what the stream itself costs an event, from its arrival to
// the confirmation of its acknowledgement, without the client, the server and
// what is done with the event: the budget is 8 allocations.
func BenchmarkEvent(b *testing.B) {
	var a *acks
	a = &acks{inbox: "_INBOX.bench", waiting: map[uint64]*ack{}, send: func(_ *item, reply string) error {
		a.hear(&nats.Msg{Subject: reply})
		return nil
	}}
	log := slog.New(slog.DiscardHandler)
	route := &bridge.Route{Name: "payments", Concurrency: 64}
	c := newConsumer(route, handlerFunc(accept), &settler{route: route.Name, acks: a, observer: settledFunc(func() {})}, log)
	c.retention.Store(&retention{})
	ctx := b.Context()
	w := newWait(ctx)
	defer w.end(nil)
	body := make([]byte, 1000)
	sub := &nats.Subscription{}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		msg := &nats.Msg{
			Subject: "payments.success", Data: body, Sub: sub,
			Reply: "$JS.ACK.EVENTS.payments.1.1234567.1234567.1790000000000000000.99",
		}
		it, err := newItem(msg, route.Name, time.Minute, now, nil)
		if err != nil {
			b.Fatal(err)
		}
		c.hand.take(it)
		c.queue.add(it)
		it = c.queue.next(now)
		it.begin()
		c.running.Add(1)
		c.handle(ctx, context.Background(), it, w)
	}
	if n, _ := c.hand.size(); n != 0 || a.on.Load() != 0 {
		b.Errorf("%d events are still in hand", n)
	}
}
