package fleet

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; machines are slow.
const patience = 60 * time.Second

func startServer(t testing.TB, configuration string) *embedded.Server {
	t.Helper()
	config := embedded.Config{}
	if configuration != "" {
		config.ConfigFile = filepath.Join(t.TempDir(), "nats.conf")
		if err := os.WriteFile(config.ConfigFile, []byte(configuration), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func dial(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append(options, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// replica is a service with two routes, which does not run.
func replica(t testing.TB, nc *nats.Conn, id string, log *logBuffer) *Service {
	t.Helper()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/canary", false)
	if err != nil {
		t.Fatal(err)
	}
	d := &bridge.Destination{URL: u}
	return New(Config{
		Conn: nc, ID: id, Version: "(devel)", Host: "host-1", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Routes: []*bridge.Route{
			{Name: "payments", Subjects: []string{"payments.>"}, Destination: d},
			{Name: "cohort-messages", Subjects: []string{"cohorts.message.>", "cohorts.other"}, Destination: d},
		},
		Destination: func(string) *bridge.Destination { return d },
		Logger:      slog.New(slog.NewTextHandler(log, nil)),
	})
}

// run runs a service until stop is called.
func run(t testing.TB, s *Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
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
