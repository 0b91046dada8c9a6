package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// chaosStored is where and when the stream stored an event.
type chaosStored struct {
	sequence uint64
	at       time.Time
}

// readStream reads the order that is to be kept.
func (c *chaos) readStream(ctx context.Context) {
	c.t.Helper()
	c.stored = map[string]chaosStored{}
	info, err := c.js.Stream(ctx, "EVENTS")
	if err != nil {
		c.t.Fatal(err)
	}
	all, err := c.js.OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		c.t.Fatal(err)
	}
	messages, err := all.Messages()
	if err != nil {
		c.t.Fatal(err)
	}
	defer messages.Stop()
	for last := uint64(0); last < info.CachedInfo().State.LastSeq; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			c.t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			c.t.Fatal(err)
		}
		last = meta.Sequence.Stream
		id := m.Headers().Get(chaosID)
		if _, twice := c.stored[id]; twice {
			c.complain("stored twice", "event %q", id)
			continue
		}
		c.stored[id] = chaosStored{last, meta.Timestamp}
	}
}
