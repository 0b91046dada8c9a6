package replay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// bed is a server with the streams and one consumer, as a bridge makes them.
type bed struct {
	t  *testing.T
	js jetstream.JetStream
}

func newBed(t *testing.T, config embedded.Config) *bed {
	t.Helper()
	b := &bed{t: t, js: testbed.Connect(t, testbed.StartServer(t, config).URL())}
	b.stream(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>", "messages.>", "redeliver.>"}, AllowDirect: true, Duplicates: 10 * time.Minute})
	b.stream(jetstream.StreamConfig{Name: "EVENTS_DLQ", Subjects: []string{"dlq.>"}, AllowDirect: true})
	b.consume("payments")
	return b
}

func (b *bed) stream(c jetstream.StreamConfig) {
	b.t.Helper()
	if _, err := b.js.CreateOrUpdateStream(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) consume(route string) {
	b.t.Helper()
	if _, err := b.js.CreateConsumer(b.t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: route, FilterSubjects: []string{route + ".>", "redeliver." + route + ".>"}, AckPolicy: jetstream.AckExplicitPolicy,
	}); err != nil {
		b.t.Fatal(err)
	}
}

// publish stores a message; header are names and values.
func (b *bed) publish(subject, body string, header ...string) uint64 {
	b.t.Helper()
	msg := nats.NewMsg(subject)
	msg.Data = []byte(body)
	for i := 0; i < len(header); i += 2 {
		msg.Header.Set(header[i], header[i+1])
	}
	ack, err := b.js.PublishMsg(b.t.Context(), msg)
	if err != nil {
		b.t.Fatalf("publish to %s: %v", subject, err)
	}
	return ack.Sequence
}

// letter stores a dead letter of payments.
func (b *bed) letter(id string, header ...string) uint64 {
	b.t.Helper()
	return b.publish("dlq.payments.payments.success", eventBody("payment.success", id), append([]string{
		"Makebridge-Event-Id", id, "Makebridge-Type", "payment.success", "Makebridge-Reason", "rejected",
	}, header...)...)
}

func eventBody(typ, id string) string {
	return fmt.Sprintf(`{"type":%q,"event_id":%q,"sent_at":"2026-01-02T03:04:05Z","payload":{}}`, typ, id)
}

func (b *bed) letters() *Letters {
	b.t.Helper()
	l, err := OpenLetters(b.t.Context(), b.js, "EVENTS_DLQ")
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func (b *bed) events() *Events {
	b.t.Helper()
	e, err := OpenEvents(b.t.Context(), b.js, "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// stored returns the messages of a stream whose subjects begin with a prefix.
func (b *bed) stored(stream, prefix string) (all []*jetstream.RawStreamMsg) {
	b.t.Helper()
	s, err := b.js.Stream(b.t.Context(), stream)
	if err != nil {
		b.t.Fatal(err)
	}
	state := s.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(b.t.Context(), seq)
		if err == nil && strings.HasPrefix(m.Subject, prefix) {
			all = append(all, m)
		}
	}
	return all
}

func (b *bed) ids(f Filter) []uint64 {
	b.t.Helper()
	picks, err := b.letters().Select(b.t.Context(), f, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	ids := []uint64{}
	for _, p := range picks {
		ids = append(ids, p.ID)
	}
	return ids
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	zip(t, &b, text)
	return b.String()
}
