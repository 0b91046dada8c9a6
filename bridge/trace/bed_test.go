package trace

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/receipt"
	"github.com/makebridge/makebridge/bridge/stream"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// bed is a server with the streams and the bucket of a bridge.
type bed struct {
	t        testing.TB
	js       jetstream.JetStream
	settings stream.Settings
	config   Config
}

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{t: t, js: testbed.Connect(t, testbed.StartServer(t, embedded.Config{}).URL()), settings: stream.Settings{
		Stream: "EVENTS", DLQ: "EVENTS_DLQ", Receipts: "EVENTS_RECEIPTS", Bucket: "makebridge", Subjects: []string{"payments.>"},
		Replicas: 1, MaxAge: 720 * time.Hour, ReceiptsMaxAge: 168 * time.Hour, AckWait: 30 * time.Second, Provision: true, Version: "test",
	}}
	b.config = Config{JetStream: b.js, Stream: "EVENTS", DLQ: "EVENTS_DLQ", Receipts: "EVENTS_RECEIPTS", Bucket: "makebridge"}
	if _, err := b.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge", LimitMarkerTTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := stream.NewProvisioner(b.js, b.settings).Streams(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// withReceipts has receipts kept from now on.
func (b *bed) withReceipts() *bed {
	b.t.Helper()
	if err := stream.NewProvisioner(b.js, b.settings).Receipts(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *bed) route(name string) *bridge.Route {
	b.t.Helper()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/"+name, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return &bridge.Route{Name: name, Subjects: []string{"payments.>"}, Destination: &bridge.Destination{URL: u}, Concurrency: 4}
}

// provision creates the consumer of a route.
func (b *bed) provision(r *bridge.Route) {
	b.t.Helper()
	if _, err := stream.NewProvisioner(b.js, b.settings).Consumer(b.t.Context(), r); err != nil {
		b.t.Fatal(err)
	}
}

type handlerFunc func(context.Context, bridge.Message) bridge.Verdict

func (f handlerFunc) Handle(ctx context.Context, m bridge.Message) bridge.Verdict { return f(ctx, m) }

type nobody struct{}

func (nobody) Settled(string, bridge.Message, bridge.Verdict) {}

// run runs a bridge with the route payments, and others, until stop is called.
// The verdict is handle's, for the event that the message holds.
func (b *bed) run(handle handlerFunc, others ...string) (stop func()) {
	b.t.Helper()
	routes := []*bridge.Route{b.route("payments")}
	for _, name := range others {
		routes = append(routes, b.route(name))
	}
	log := slog.New(slog.DiscardHandler)
	var observer stream.Observer = nobody{}
	recording := func(context.Context) {}
	if _, err := b.js.Stream(b.t.Context(), "EVENTS_RECEIPTS"); err == nil {
		recorder := receipt.New(receipt.Config{JetStream: b.js, Stream: "EVENTS_RECEIPTS", Replica: "replica-1", Logger: log})
		observer, recording = recorder, recorder.Run
	} else {
		b.settings.Receipts = ""
	}
	supervisor := stream.NewSupervisor(stream.SupervisorConfig{
		JetStream: b.js, Settings: b.settings, Routes: routes,
		Handler:  func(*bridge.Route) stream.Handler { return handle },
		Observer: observer, Logger: log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	settled, done := context.WithCancel(context.Background())
	recorded := make(chan struct{})
	go func() { recording(settled); close(recorded) }()
	go func() { supervisor.Run(ctx, testbed.Patience); done() }()
	stop = func() { cancel(); <-recorded }
	b.t.Cleanup(stop)
	return stop
}

// verdict has every event end in one way.
func verdict(v bridge.Verdict) handlerFunc {
	return func(_ context.Context, m bridge.Message) bridge.Verdict {
		its := v
		its.EventID = eventID(m.Body)
		return its
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func body(id string) string {
	return fmt.Sprintf(`{"type":"payment.refunded","event_id":"%s","sent_at":"2026-01-02T03:04:05Z","payload":{}}`, id)
}

func eventID(body []byte) string {
	id, err := decodeID(body)
	if err != nil {
		panic(err)
	}
	return id
}

// publish publishes an event as a service does.
func (b *bed) publish(id string) uint64 {
	b.t.Helper()
	return b.publishOn("payments.refunded", id, id)
}

func (b *bed) publishOn(subject, id, messageID string) uint64 {
	b.t.Helper()
	ack, err := b.js.Publish(b.t.Context(), subject, []byte(body(id)), jetstream.WithMsgID(messageID))
	if err != nil {
		b.t.Fatal(err)
	}
	return ack.Sequence
}

// fill publishes n messages, as many at once as the server likes.
func (b *bed) fill(subject string, n int, complete func(*nats.Msg, int)) {
	b.t.Helper()
	js, err := jetstream.New(b.js.Conn(), jetstream.WithPublishAsyncMaxPending(4000))
	if err != nil {
		b.t.Fatal(err)
	}
	var last jetstream.PubAckFuture
	for i := range n {
		m := nats.NewMsg(subject)
		complete(m, i)
		if last, err = js.PublishMsgAsync(m, jetstream.WithStallWait(testbed.Patience)); err != nil {
			b.t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	select {
	case <-last.Ok():
	case err := <-last.Err():
		b.t.Fatal(err)
	}
}

func (b *bed) read(id string) *Trace {
	b.t.Helper()
	got, err := Read(b.t.Context(), b.config, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// becomes waits until the only publish of an event has become this on the route
// payments, with so many receipts, and returns it.
func (b *bed) becomes(id string, state State, receipts int) Route {
	b.t.Helper()
	got := b.eventually(id, func(got *Trace) bool {
		r := got.Publishes[0].Routes
		return len(got.Publishes) == 1 && len(r) == 1 && r[0].State == state && len(r[0].Steps) == receipts
	})
	return got.Publishes[0].Routes[0]
}

// eventually reads the trace of an event until it is as it should be.
func (b *bed) eventually(id string, ok func(*Trace) bool) (got *Trace) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the last trace is %+v", got)
		}
	}()
	testbed.Eventually(b.t, "the trace to be as it should", func() bool { got = b.read(id); return ok(got) })
	return got
}
