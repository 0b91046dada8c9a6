package subjects_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// natsServer is a NATS server in this process that can go away and come back
// with what it stored.
type natsServer struct {
	opts    server.Options
	running *server.Server
}

func startServer(t testing.TB) *natsServer {
	t.Helper()
	s := &natsServer{opts: server.Options{
		Host: "127.0.0.1", Port: testbed.FreePort(t), JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *natsServer) start(t testing.TB) {
	t.Helper()
	opts := s.opts
	running, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	running.Start()
	if !running.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not get ready")
	}
	s.running = running
}

func (s *natsServer) stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

func (s *natsServer) connect(t testing.TB) jetstream.JetStream {
	t.Helper()
	return s.connectURL(t, s.running.ClientURL())
}

func (s *natsServer) connectURL(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func createStream(t testing.TB, js jetstream.JetStream, filters ...string) {
	t.Helper()
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: filters})
	if err != nil {
		t.Fatal(err)
	}
}

// events opens a connection of its own and returns what the stream holds, its
// sequences checked against gaps.
func (s *natsServer) events(t testing.TB) []*jetstream.RawStreamMsg {
	t.Helper()
	js := s.connect(t)
	defer js.Conn().Close()
	stream, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	var msgs []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, msg)
	}
	return msgs
}

// eventually waits until done, and fails the test if that takes too long.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// away stops the server and waits until the client has noticed.
func (s *natsServer) away(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	s.stop()
	eventually(t, "the client notices that NATS is away", func() bool { return !js.Conn().IsConnected() })
}

func ticket(id, status string) schemas.TicketStatusChanged {
	return schemas.TicketStatusChanged{TicketID: id, PreviousStatus: "open", Status: status}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), d)
	t.Cleanup(cancel)
	return ctx
}

// serveExample starts a server with a stream of the payments for the runnable
// examples, which have no testing.T.
func serveExample() (jetstream.JetStream, func()) {
	dir, err := os.MkdirTemp("", "subjects")
	check(err)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	})
	check(err)
	s.Start()
	if !s.ReadyForConnections(patience) {
		panic("the NATS server does not get ready")
	}
	nc, err := nats.Connect(s.ClientURL())
	check(err)
	js, err := jetstream.New(nc)
	check(err)
	_, err = js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>", "tickets.>"}})
	check(err)
	return js, func() {
		nc.Close()
		s.Shutdown()
		s.WaitForShutdown()
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
