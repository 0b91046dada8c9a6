package trace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	benchEvents  = flag.Int("events", 20_000, "events in the stream of BenchmarkTrace")
	benchLetters = flag.Int("letters", 2_000, "dead letters in BenchmarkTrace")
)

// BenchmarkTrace prints how long an answer takes where the streams are full. It
// is to be less than a second with
//
//	go test -run '^$' -bench Trace -benchtime 3x ./bridge/trace -events 1000000 -letters 100000
func BenchmarkTrace(b *testing.B) {
	full := newFullBed(b, *benchEvents, *benchLetters)
	for _, tt := range []struct {
		name, id string
		unknown  bool
	}{
		{"delivered", full.delivered, false},
		{"waiting", full.waiting, false},
		{"settled without receipt", full.lost, false},
		{"dead-lettered without receipt", full.lettered, false},
		{"unknown UUIDv7", newID(), true},
		{"unknown other id", "order-4711", true},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				_, err := Read(b.Context(), full.config, tt.id)
				if unknown := errors.As(err, new(*UnknownError)); err != nil && !unknown || unknown != tt.unknown {
					b.Fatal(err)
				}
			}
		})
	}
}

// fullBed is a bed whose consumer is done with all events but the last, and has
// a receipt of most.
type fullBed struct {
	*bed
	delivered, waiting, lost, lettered string // ids of events
}

func newFullBed(b *testing.B, events, letters int) *fullBed {
	f := &fullBed{bed: newBed(b).withReceipts()}
	f.fill("payments.refunded", events, func(m *nats.Msg, i int) {
		id := newID()
		m.Data = []byte(body(id))
		m.Header.Set(jetstream.MsgIDHeader, id)
		switch i {
		case events / 10:
			f.lost = id
		case events / 5:
			f.lettered = id
		case events / 2:
			f.delivered = id
		}
	})
	f.settleAll()
	f.waiting = newID()
	f.publish(f.waiting)
	f.writeReceipts(events)
	at := f.read(f.lettered).Publishes[0]
	f.fill("dlq.payments.payments.refunded", letters, func(m *nats.Msg, i int) {
		sequence, published := 5_000_000+uint64(i), time.Now()
		if i == letters/2 {
			sequence, published = at.Sequence, at.PublishedAt
		}
		m.Data = []byte(body(newID()))
		set := func(name, value string) { m.Header.Set("Makebridge-"+name, value) }
		set("Route", "payments")
		set("Subject", "payments.refunded")
		set("Event-Id", newID())
		set("Type", "payment.refunded")
		set("Reason", "rejected")
		set("Error", "HTTP 422: Unprocessable Entity: a value is missing")
		set("Status", "422")
		set("Deliveries", "1")
		set("Sequence", strconv.FormatUint(sequence, 10))
		set("Published-At", published.UTC().Format(time.RFC3339Nano))
		set("Failed-At", time.Now().UTC().Format(time.RFC3339Nano))
		m.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("payments:EVENTS:%d:%d", sequence, published.UnixNano()))
	})
	return f
}

// settleAll gives the route payments a consumer that is done with everything.
func (f *fullBed) settleAll() {
	f.t.Helper()
	_, err := f.js.CreateConsumer(f.t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "payments", FilterSubjects: []string{"payments.>", "redeliver.payments.>"}, AckPolicy: jetstream.AckExplicitPolicy,
		DeliverPolicy: jetstream.DeliverLastPolicy, Metadata: map[string]string{"app": "makebridge"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := f.js.Consumer(f.t.Context(), "EVENTS", "payments")
	if err != nil {
		f.t.Fatal(err)
	}
	m, err := c.Next()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := m.DoubleAck(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

// writeReceipts writes as many as there are events, one of them of an event that
// is there.
func (f *fullBed) writeReceipts(n int) {
	f.t.Helper()
	at := f.read(f.delivered).Publishes[0]
	i := 0
	f.fill("", n, func(m *nats.Msg, _ int) {
		id, sequence, published := newID(), uint64(i), time.Now().UTC()
		if i++; i == n/2 {
			id = f.delivered
			sequence, published = at.Sequence, at.PublishedAt
		}
		sum := sha256.Sum256([]byte(id))
		m.Subject = "receipt.payments.delivered." + hex.EncodeToString(sum[:1])
		set := func(name, value string) { m.Header.Set("Makebridge-"+name, value) }
		set("Event-Id", id)
		set("Subject", "payments.refunded")
		set("Sequence", strconv.FormatUint(sequence, 10))
		set("Published-At", published.Format(time.RFC3339Nano))
		set("Settled-At", time.Now().UTC().Format(time.RFC3339Nano))
		set("Attempts", "1")
		set("Duration-Ms", "120")
		set("Delivery", "1")
		set("Replica", "66PtxwLeddA661M2Hn8B1l")
		set("Status", "200")
	})
}
