package receipt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestReceiptOfEveryOutcome(t *testing.T) {
	t.Parallel()
	js := dial(t, startServer(t, embedded.Config{}).URL())
	s := createStream(t, js)
	r, stop := run(t, js, &logBuffer{})
	put := delivered("event-1")
	put.Outcome, put.Status, put.Delay, put.Error = bridge.Retried, 500, 30*time.Second, "HTTP 500"
	invalid := bridge.Verdict{Outcome: bridge.DeadLettered, EventID: "event-1", Reason: bridge.Invalid, Error: "/payload: missing"}
	rejected := bridge.Verdict{Outcome: bridge.DeadLettered, EventID: "event-1", Reason: bridge.Rejected, Status: 422, Attempts: 1, Error: "HTTP 422: canary"}
	for _, v := range []bridge.Verdict{
		delivered("event-1"), put, invalid, rejected,
		{Outcome: bridge.Filtered, EventID: "event-1"},
		{Outcome: bridge.HandedBack, EventID: "event-1"},
		{Outcome: bridge.DeadLettered, Reason: bridge.Invalid, Error: "not JSON"}, // nobody can ask for it
	} {
		r.Settled("payments", event(), v)
	}
	eventually(t, "the receipts", func() bool { return len(stored(t, s)) == 5 })
	stop()
	header := func(change nats.Header) nats.Header {
		h := nats.Header{
			"Makebridge-Event-Id": {"event-1"}, "Makebridge-Subject": {"payments.success"}, "Makebridge-Sequence": {"7"},
			"Makebridge-Published-At": {"2026-01-02T03:04:05.000000006Z"}, "Makebridge-Delivery": {"2"}, "Makebridge-Replica": {"replica-1"},
			"Makebridge-Attempts": {"0"}, "Makebridge-Duration-Ms": {"0"},
		}
		for name, values := range change {
			h["Makebridge-"+name] = values
		}
		return h
	}
	type stored1 struct {
		Subject string
		Header  nats.Header
	}
	want := []stored1{ // ce is what the SHA-256 of event-1 begins with
		{"receipt.payments.delivered.ce", header(nats.Header{"Status": {"200"}, "Attempts": {"3"}, "Duration-Ms": {"1500"}})},
		{"receipt.payments.retried.ce", header(nats.Header{
			"Status": {"500"}, "Attempts": {"3"}, "Duration-Ms": {"1500"}, "Delay-Ms": {"30000"}, "Error": {"HTTP 500"},
		})},
		{"receipt.payments.dead_lettered.ce", header(nats.Header{"Reason": {"invalid"}, "Error": {"/payload: missing"}})},
		{"receipt.payments.dead_lettered.ce", header(nats.Header{"Reason": {"rejected"}, "Status": {"422"}, "Attempts": {"1"}})},
		{"receipt.payments.filtered.ce", header(nil)},
	}
	var got []stored1
	for _, m := range stored(t, s) {
		if len(m.Data) > 0 {
			t.Errorf("a body: %q", m.Data)
		}
		at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Makebridge-Settled-At"))
		if err != nil || time.Since(at) > time.Minute {
			t.Errorf("settled at %s, %v", at, err)
		}
		m.Header.Del("Makebridge-Settled-At")
		got = append(got, stored1{m.Subject, m.Header})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Dropped() != 0 {
		t.Errorf("%d dropped", r.Dropped())
	}
}

func TestNilRecorderWritesNothing(t *testing.T) {
	var r *Recorder
	r.Settled("payments", event(), delivered("event-1"))
	r.Run(t.Context())
	if r.Dropped() != 0 {
		t.Error("dropped")
	}
}

// TestStreamThatIsMissingIsWaitedFor: what was settled before the stream was
// there is told of, as far as the queue goes.
func TestStreamThatIsMissingIsWaitedFor(t *testing.T) {
	t.Parallel()
	js := dial(t, startServer(t, embedded.Config{}).URL())
	log := &logBuffer{}
	r, stop := run(t, js, log, patient)
	r.Settled("payments", event(), delivered("first"))
	eventually(t, "the worker to have taken it", func() bool { return len(r.queue) == 0 })
	const more = 3
	for range queueLength + more {
		r.Settled("payments", event(), delivered("event-1"))
	}
	if n := r.Dropped(); n != more {
		t.Errorf("%d dropped, want %d", n, more)
	}
	eventually(t, "the log line", func() bool { return strings.Contains(log.String(), "receipts dropped") })
	s := createStream(t, js)
	eventually(t, "what waited", func() bool { i, err := s.Info(t.Context()); return err == nil && i.State.Msgs == queueLength+1 })
	stop()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "BRIDGE_RECEIPTS=off") || !strings.Contains(got, "dropped_total=3") {
		t.Errorf("logged %s", got)
	}
}

// TestServerThatIsAwayIsNoTrouble: nothing blocks, and nothing grows.
func TestServerThatIsAwayIsNoTrouble(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: t.TempDir(), Port: testbed.FreePort(t)}
	server := startServer(t, config)
	js := dial(t, server.URL())
	s := createStream(t, js)
	r, stop := run(t, js, &logBuffer{})
	r.Settled("payments", event(), delivered("event-1"))
	eventually(t, "the first", func() bool { return len(stored(t, s)) == 1 })
	server.Shutdown()
	eventually(t, "the loss to be noticed", func() bool { return !js.Conn().IsConnected() })
	for range 10 * queueLength {
		r.Settled("payments", event(), delivered("event-1"))
	}
	if n := r.Dropped(); n < 9*queueLength-1 || n > 9*queueLength {
		t.Errorf("%d dropped, want those that the queue has no room for", n)
	}
	if out := js.Conn().Stats().OutMsgs; out > 100 {
		t.Errorf("%d messages in the connection's buffer", out)
	}
	startServer(t, config)
	eventually(t, "what waited", func() bool { i, err := s.Info(t.Context()); return err == nil && i.State.Msgs >= queueLength })
	stop()
}

// TestDeniedPermissionIsQuiet: the server tells of each receipt that it denies,
// so there must be few.
func TestDeniedPermissionIsQuiet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	const config = `accounts { APP { jetstream: enabled, users = [
		{user: services, password: secret}
		{user: bridge, password: secret, permissions: {publish: {deny: "receipt.>"}}}
	] } }`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	url := startServer(t, embedded.Config{ConfigFile: file}).URL()
	createStream(t, dial(t, url, nats.UserInfo("services", "secret")))
	denials := make(chan string, 1000)
	js := dial(t, url, nats.UserInfo("bridge", "secret"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		denials <- err.Error()
	}))
	log := &logBuffer{}
	r, stop := run(t, js, log)
	for i := range queueLength + 100 {
		r.Settled("payments", event(), delivered(fmt.Sprint("event-", i)))
	}
	eventually(t, "the log line", func() bool { return strings.Contains(log.String(), "may this user publish to receipt.payments.>?") })
	eventually(t, "another try", func() bool { return len(denials) > 1 })
	stop()
	subjects := map[string]bool{}
	for len(denials) > 0 {
		subjects[<-denials] = true
	}
	if len(subjects) != 1 {
		t.Errorf("the server told of %d denials: %v", len(subjects), subjects)
	}
	if n := r.Dropped(); n != queueLength+100 {
		t.Errorf("%d dropped, want all", n)
	}
}

// TestReceiptThatIsRefusedStopsNoOther has the stream refuse one for its size.
func TestReceiptThatIsRefusedStopsNoOther(t *testing.T) {
	t.Parallel()
	js := dial(t, startServer(t, embedded.Config{}).URL())
	s := createStream(t, js)
	c := s.CachedInfo().Config
	c.MaxMsgSize = 600
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r, stop := run(t, js, &logBuffer{})
	long := delivered("event-1")
	long.Outcome, long.Error = bridge.Retried, strings.Repeat("x", 256)
	r.Settled("payments", event(), long)
	for range 3 {
		r.Settled("payments", event(), delivered("event-1"))
	}
	eventually(t, "the others", func() bool { return len(stored(t, s)) == 3 })
	stop()
	if r.Dropped() != 1 {
		t.Errorf("%d dropped, want the one that is too long", r.Dropped())
	}
}

// TestReceiptsOfAnotherStreamAreHeldBack: one is enough to learn that they would
// come to a stream that nobody looks into for them.
func TestReceiptsOfAnotherStreamAreHeldBack(t *testing.T) {
	t.Parallel()
	js := dial(t, startServer(t, embedded.Config{}).URL())
	other, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{"receipt.>"}})
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	r, stop := run(t, js, log)
	for range queueLength + 100 {
		r.Settled("payments", event(), delivered("event-1"))
	}
	eventually(t, "the log line", func() bool {
		r.Settled("payments", event(), delivered("event-1"))
		return strings.Contains(log.String(), "store a receipt in EVENTS_RECEIPTS: stream ALL holds them")
	})
	stop()
	// A second one where the first answer took longer than is waited for.
	if n := len(stored(t, other)); n < 1 || n > 2 {
		t.Errorf("%d receipts in another stream", n)
	}
}

func TestStoppingPublishesWhatWaits(t *testing.T) {
	t.Parallel()
	js := dial(t, startServer(t, embedded.Config{}).URL())
	s := createStream(t, js)
	r, stop := run(t, js, &logBuffer{}, patient)
	const receipts = 1000
	for range receipts {
		r.Settled("payments", event(), delivered("event-1"))
	}
	stop()
	eventually(t, "the receipts", func() bool { i, err := s.Info(t.Context()); return err == nil && i.State.Msgs == receipts })
}

func TestPartsSpreadEvents(t *testing.T) {
	parts := map[string]bool{}
	for i := range 10000 {
		parts[part(fmt.Sprint("event-", i))] = true
	}
	if len(parts) != 256 {
		t.Errorf("%d parts, want 256", len(parts))
	}
}
