package stream

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

type settledFunc func()

func (f settledFunc) Settled(string, bridge.Message, bridge.Verdict) { f() }

// BenchmarkOrdering is what one replica settles in a second at a webhook that
// takes 20 ms, with 1,000 keys.
func BenchmarkOrdering(b *testing.B) {
	for _, ordering := range []bridge.Ordering{bridge.OrderingNone, bridge.OrderingKey} {
		b.Run(ordering.String(), func(b *testing.B) { benchmarkOrdering(b, ordering) })
	}
}

func benchmarkOrdering(b *testing.B, ordering bridge.Ordering) {
	const keys, handling, concurrency = 1000, 20 * time.Millisecond, 64
	server := testbed.StartServer(b, embedded.Config{})
	log := slog.New(slog.DiscardHandler)
	nc, err := Connect(ConnectConfig{Servers: []string{server.URL()}, Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	settings := testSettings()
	if _, err := js.CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: settings.Bucket}); err != nil {
		b.Fatal(err)
	}
	if err := NewProvisioner(js, settings).Streams(b.Context()); err != nil {
		b.Fatal(err)
	}
	for n := range b.N {
		if _, err := js.PublishAsync("payments.success", []byte(keyed(fmt.Sprint("key-", n%keys), n)), jetstream.WithStallWait(patience)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/payments", false)
	if err != nil {
		b.Fatal(err)
	}
	route := &bridge.Route{
		Name: "payments", Subjects: []string{"payments.>"}, Destination: &bridge.Destination{URL: u},
		Concurrency: concurrency, Ordering: ordering,
	}
	var (
		all   sync.WaitGroup
		first sync.Once
		began time.Time
	)
	all.Add(b.N)
	handler := handlerFunc(func(context.Context, bridge.Message) bridge.Verdict {
		first.Do(func() { began = time.Now() })
		<-time.After(handling)
		return bridge.Verdict{Outcome: bridge.Delivered}
	})
	acquirer := (&bed{logs: &testbed.Log{}}).acquire(js, settings.Bucket)
	s := NewSupervisor(SupervisorConfig{
		JetStream: js, Settings: settings, Routes: []*bridge.Route{route}, Acquire: acquirer,
		Handler: func(*bridge.Route) Handler { return handler }, Observer: settledFunc(all.Done), Logger: log,
	})
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx, time.Second); close(done) }()
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
	stop()
	<-done
}
