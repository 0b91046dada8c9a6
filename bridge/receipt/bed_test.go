package receipt

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// What stands in package testbed, by the names that it has here.
var (
	eventually  = testbed.Eventually
	startServer = testbed.StartServer
)

type logBuffer = testbed.Log

func dial(t testing.TB, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	return testbed.Connect(t, url, append(options, nats.ReconnectBufSize(-1))...)
}

func createStream(t testing.TB, js jetstream.JetStream) jetstream.Stream {
	t.Helper()
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS_RECEIPTS", Subjects: []string{"receipt.>"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a recorder until stop is called.
func run(t testing.TB, js jetstream.JetStream, log *logBuffer, changes ...func(*Recorder)) (r *Recorder, stop func()) {
	t.Helper()
	r = New(Config{JetStream: js, Stream: "EVENTS_RECEIPTS", Replica: "replica-1", Logger: log.Logger(slog.LevelInfo)})
	for _, change := range changes {
		change(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

// patient makes a recorder wait for a machine that is slow.
func patient(r *Recorder) { r.grace, r.way.timeout = testbed.Patience, testbed.Patience }

// stored returns the receipts in the order of their stream.
func stored(t testing.TB, s jetstream.Stream) (all []*jetstream.RawStreamMsg) {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func event() bridge.Message {
	return bridge.Message{
		Subject: "payments.success", Body: []byte("canary payload"), Sequence: 7, Delivery: 2,
		Published: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

func delivered(id string) bridge.Verdict {
	return bridge.Verdict{Outcome: bridge.Delivered, EventID: id, Status: 200, Attempts: 3, Duration: 1500 * time.Millisecond}
}
