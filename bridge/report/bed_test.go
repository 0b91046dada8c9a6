package report

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; machines are slow.
const patience = 60 * time.Second

// bed is a server with the stream and the bucket of a bridge.
type bed struct {
	t   *testing.T
	url string
	js  jetstream.JetStream
	log *logBuffer
}

func newBed(t *testing.T) *bed {
	t.Helper()
	server, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	b := &bed{t: t, url: server.URL(), log: &logBuffer{}}
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
	nc, err := nats.Connect(b.url, nats.MaxReconnects(-1))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// reporter is one replica's, on a connection of its own, which does not run.
func (b *bed) reporter(interval time.Duration) *Reporter {
	return New(Config{
		JetStream: b.dial(), Bucket: "makebridge", Now: time.Now, Interval: interval,
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	})
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
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("gave up waiting for %s\n%s", what, b.log)
		}
	}
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

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) has(text string) bool { return strings.Contains(l.String(), text) }
