package stream

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

const patience = testbed.Patience

// What stands in package testbed, by the names that it has here.
var (
	eventually = testbed.Eventually
	writeFile  = testbed.ConfigFile
)

// bed is a server with a client of the test's own.
type bed struct {
	t      *testing.T
	config embedded.Config
	server *embedded.Server
	js     jetstream.JetStream
	logs   *testbed.Log
	grace  time.Duration // of replicas that stop; 0: patience
	owning Acquire       // of replicas; nil: the real one
	delay  func(int) time.Duration
}

func newBed(t *testing.T, config embedded.Config) *bed {
	t.Helper()
	config.StoreDir, config.Port = t.TempDir(), testbed.FreePort(t)
	b := &bed{t: t, config: config, logs: &testbed.Log{}}
	b.start()
	t.Cleanup(func() { b.server.Shutdown() })
	return b
}

func (b *bed) start() {
	b.t.Helper()
	s, err := embedded.Start(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.server = s
}

func (b *bed) logger() *slog.Logger { return b.logs.Logger(slog.LevelDebug) }

// dial connects as the bridge does.
func (b *bed) dial(options ...nats.Option) jetstream.JetStream {
	b.t.Helper()
	nc, err := Connect(ConnectConfig{
		Servers: []string{b.server.URL()}, Options: append(options, nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0)),
		Logger: b.logger(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "a connection", nc.IsConnected)
	return js
}

// client is the test's own connection.
func (b *bed) client() jetstream.JetStream {
	b.t.Helper()
	if b.js == nil {
		b.js = b.dial()
	}
	return b.js
}

func (b *bed) publish(subject, body string, header ...string) uint64 {
	b.t.Helper()
	msg := nats.NewMsg(subject)
	msg.Data = []byte(body)
	for i := 0; i < len(header); i += 2 {
		msg.Header.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	ack, err := b.client().PublishMsg(ctx, msg)
	if err != nil {
		b.t.Fatalf("publish to %s: %v", subject, err)
	}
	return ack.Sequence
}

func (b *bed) consumer(name string) *jetstream.ConsumerInfo {
	b.t.Helper()
	c, err := b.client().Consumer(b.t.Context(), "EVENTS", name)
	if err != nil {
		b.t.Fatal(err)
	}
	return c.CachedInfo()
}

// settled waits until the server has nothing left for a route.
func (b *bed) settled(route string) {
	b.t.Helper()
	eventually(b.t, "everything of "+route+" to be settled", func() bool {
		return testbed.Settled(b.t.Context(), b.client(), "EVENTS", route)
	})
}

func (b *bed) letters() []*jetstream.RawStreamMsg {
	b.t.Helper()
	s, err := b.client().Stream(b.t.Context(), "EVENTS_DLQ")
	if err != nil {
		b.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := s.GetMsg(b.t.Context(), seq)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func testSettings() Settings {
	return Settings{
		Stream: "EVENTS", DLQ: "EVENTS_DLQ", Bucket: "makebridge", Subjects: []string{"payments.>", "appointments.>"},
		Replicas: 1, MaxAge: 720 * time.Hour, AckWait: 30 * time.Second, Provision: true, Version: "test",
	}
}

func testRoute(t *testing.T, name string, concurrency int) *bridge.Route {
	t.Helper()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/"+name, false)
	if err != nil {
		t.Fatal(err)
	}
	return &bridge.Route{
		Name: name, Subjects: []string{name + ".>"}, Destination: &bridge.Destination{URL: u}, Concurrency: concurrency,
	}
}

// replica is a running supervisor, with what it settled.
type replica struct {
	*Supervisor
	js   jetstream.JetStream
	stop func()

	mu      sync.Mutex
	settled []settlement
}

type settlement struct {
	route string
	bridge.Message
	bridge.Verdict
}

func (r *replica) Settled(route string, m bridge.Message, v bridge.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = append(r.settled, settlement{route, m, v})
}

func (r *replica) count(o bridge.Outcome) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.settled {
		if s.Outcome == o {
			n++
		}
	}
	return n
}

type handlerFunc func(context.Context, bridge.Message) bridge.Verdict

func (f handlerFunc) Handle(ctx context.Context, m bridge.Message) bridge.Verdict { return f(ctx, m) }

// run starts a replica and waits until it is bound, unless told not to.
func (b *bed) run(settings Settings, handle handlerFunc, routes ...*bridge.Route) *replica {
	b.t.Helper()
	r := b.runUnbound(b.dial(), settings, handle, routes...)
	eventually(b.t, "the routes to be bound", func() bool { return len(r.Unready()) == 0 })
	return r
}

func (b *bed) runUnbound(js jetstream.JetStream, settings Settings, handle handlerFunc, routes ...*bridge.Route) *replica {
	r := &replica{js: js}
	acquire := b.owning
	if acquire == nil {
		acquire = b.acquire(js, settings.Bucket)
	}
	r.Supervisor = NewSupervisor(SupervisorConfig{
		JetStream: js, Settings: settings, Routes: routes,
		Handler:  func(*bridge.Route) Handler { return handle },
		Observer: r, Logger: b.logger(), Acquire: acquire, Delay: b.delay,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	grace := b.grace
	if grace == 0 {
		grace = patience
	}
	go func() { r.Run(ctx, grace); close(done) }()
	r.stop = func() { cancel(); <-done }
	b.t.Cleanup(r.stop)
	return r
}

func accept(context.Context, bridge.Message) bridge.Verdict {
	return bridge.Verdict{Outcome: bridge.Delivered, Status: 200, Attempts: 1}
}
