package report

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// bed is a server with the stream and the bucket of a bridge.
type bed struct {
	t   *testing.T
	url string
	js  jetstream.JetStream
	log testbed.Log
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{t: t, url: testbed.StartServer(t, embedded.Config{}).URL()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the reporters:\n%s", b.log.String())
		}
	})
	b.js = b.dial()
	if _, err := b.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge"}); err != nil {
		t.Fatal(err)
	}
	b.createStream()
	return b
}

func (b *bed) createStream() {
	b.t.Helper()
	if _, err := b.js.CreateStream(b.t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"admin.>"}}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) dial() jetstream.JetStream {
	b.t.Helper()
	return testbed.Connect(b.t, b.url)
}

// reporter is one replica's, on a connection of its own, which does not run.
func (b *bed) reporter(interval time.Duration) *Reporter {
	r := New(Config{
		JetStream: b.dial(), Bucket: "makebridge", Now: time.Now, Interval: interval,
		Logger: b.log.Logger(slog.LevelInfo),
	})
	r.lastFlush = testbed.Patience // machines are slow
	return r
}

// run runs a reporter until stop is called.
func (b *bed) run(r *Reporter) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop = func() { cancel(); <-done }
	b.t.Cleanup(stop)
	return stop
}

func (b *bed) eventually(what string, ok func() bool) {
	b.t.Helper()
	testbed.Eventually(b.t, what, ok)
}

// published is a report as the stream has it.
type published struct {
	subject string
	at      time.Time
	event   *schemas.Event
	payload struct {
		Route string
		tally
	}
}

// published returns the reports in the order of the stream.
func (b *bed) published() (all []published) {
	b.t.Helper()
	s, err := b.js.Stream(b.t.Context(), "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(b.t.Context(), seq)
		if err != nil {
			b.t.Fatal(err)
		}
		p := published{subject: m.Subject, at: m.Time}
		if p.event, err = schemas.Decode(m.Data); err != nil {
			b.t.Fatal(err)
		}
		if err := json.Unmarshal(p.event.Payload, &p.payload); err != nil {
			b.t.Fatal(err)
		}
		if p.event.Type != m.Subject || m.Header.Get("Nats-Msg-Id") != p.event.ID {
			b.t.Errorf("%s has type %s, id %s and Nats-Msg-Id %s", m.Subject, p.event.Type, p.event.ID, m.Header.Get("Nats-Msg-Id"))
		}
		all = append(all, p)
	}
	return all
}

// counted is the sum of the counts of all reports.
func (b *bed) counted() (sum int) {
	for _, p := range b.published() {
		sum += p.payload.Count
	}
	return sum
}

// record returns what the bucket has of a topic.
func (b *bed) record(t topic) record {
	b.t.Helper()
	kv, err := b.js.KeyValue(b.t.Context(), "makebridge")
	if err != nil {
		b.t.Fatal(err)
	}
	e, err := kv.Get(b.t.Context(), t.key())
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := readRecord(e)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// deadLetter settles an event as a dead letter.
func deadLetter(r *Reporter, route string, reason bridge.Reason) {
	r.Settled(route, bridge.Message{Subject: "payments.success"},
		bridge.Verdict{Outcome: bridge.DeadLettered, Reason: reason, EventID: "event-1", Error: "secret of the answer"})
}
