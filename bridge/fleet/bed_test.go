package fleet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

func startServer(t testing.TB, configuration string) *embedded.Server {
	t.Helper()
	config := embedded.Config{}
	if configuration != "" {
		config.ConfigFile = testbed.ConfigFile(t, configuration)
	}
	return testbed.StartServer(t, config)
}

func dial(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	return testbed.Connect(t, url, options...).Conn()
}

// replica is a service with two routes, which does not run.
func replica(t testing.TB, nc *nats.Conn, id string, log *testbed.Log) *Service {
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
		Logger:      log.Logger(slog.LevelInfo),
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
