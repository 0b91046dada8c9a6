package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// benchConcurrency is how many requests are in flight in BenchmarkEndToEnd.
const benchConcurrency = 64

// BenchmarkEndToEnd is the whole bridge, with everything on as it is by default,
// from a JetStream server in the same process to a webhook in the same process,
// beside a loop that does nothing but pull, POST and acknowledge. Both share the
// processors with server and webhook, so what counts is the ratio: the budget is
// 0.6 of the loop's events/s.
//
//	go test -run '^$' -bench EndToEnd -benchtime 100000x -count 5 ./cmd/makebridge
func BenchmarkEndToEnd(b *testing.B) {
	floor := drain(b, runFloor)
	whole := drain(b, runWhole)
	b.ReportMetric(0, "ns/op") // of both together
	b.ReportMetric(floor, "floor-events/s")
	b.ReportMetric(whole, "events/s")
	b.ReportMetric(whole/floor, "of-floor")
}

// drain has b.N events delivered that wait in the stream, and returns how many a
// second were, from the first to the last.
func drain(b *testing.B, run func(b *testing.B, nats, webhook string) (stop func())) (rate float64) {
	server, err := embedded.Start(embedded.Config{StoreDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Shutdown()
	fillStream(b, server.URL(), schemas.TypePaymentSuccess)
	hook := newFinish(b.N)
	webhook := httptest.NewServer(hook)
	defer webhook.Close()
	stop := run(b, server.URL(), webhook.URL)
	<-hook.done
	stop()
	return float64(b.N) / hook.took().Seconds()
}

// fillStream publishes b.N events of each type.
func fillStream(b *testing.B, url string, types ...string) {
	nc, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"payments.>", "messages.>", "appointments.>", "tickets.>"}, Duplicates: 10 * time.Minute,
	}); err != nil {
		b.Fatal(err)
	}
	for _, typ := range types {
		entry, _ := subjects.ByType(typ)
		e, err := schemas.ExampleEvent(typ)
		if err != nil {
			b.Fatal(err)
		}
		body, err := e.Encode()
		if err != nil {
			b.Fatal(err)
		}
		for range b.N {
			if _, err := js.PublishAsync(entry.Subject, body, jetstream.WithStallWait(testbed.Patience)); err != nil {
				b.Fatal(err)
			}
		}
	}
	<-js.PublishAsyncComplete()
}

// finish is a webhook that accepts so many events and keeps the time.
type finish struct {
	done chan struct{}

	mu          sync.Mutex
	left        int
	first, last time.Time
}

func newFinish(events int) *finish { return &finish{left: events, done: make(chan struct{})} }

// ServeHTTP is of http.Handler.
func (f *finish) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first.IsZero() {
		f.first = time.Now()
	}
	f.left--
	if f.left == 0 {
		f.last = time.Now()
		close(f.done)
	}
	w.WriteHeader(http.StatusOK)
}

func (f *finish) took() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last.Sub(f.first)
}

// runWhole is `makebridge run`, as it is configured by default but for the limit
// of make.com and the log of each event.
func runWhole(b *testing.B, url, webhook string) (stop func()) { return runWith(b, url, webhook) }

// runWith is runWhole with settings of its own. With those, what is logged is
// not looked at.
func runWith(b *testing.B, url, webhook string, settings ...string) (stop func()) {
	percent := debug.SetGCPercent(100) // which the program changes
	ctx, cancel := context.WithCancel(b.Context())
	var out bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		var log io.Writer = &out
		if len(settings) > 0 {
			log = io.Discard
		}
		ended <- run(ctx, []string{"run"}, &console{out: &out, err: log, environ: append([]string{
			"NATS_URL=" + url, "MAKE_WEBHOOK_PAYMENTS_URL=" + webhook + "/payments",
			fmt.Sprint("BRIDGE_CONCURRENCY=", benchConcurrency), "BRIDGE_RATE_LIMIT=off",
			"BRIDGE_HTTP_ADDR=127.0.0.1:0", "BRIDGE_LOG_LEVEL=warn",
		}, settings...)})
	}()
	return func() {
		cancel()
		defer debug.SetGCPercent(percent)
		if status := <-ended; status != exitDone || out.Len() > 0 {
			b.Errorf("exit status %d, logged %s", status, out.String())
		}
	}
}

// runFloor is the least that can be done: a pull consumer, a pool of goroutines
// with net/http, and acknowledgements that nobody confirms.
func runFloor(b *testing.B, url, webhook string) (stop func()) {
	nc, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := js.CreateOrUpdateConsumer(b.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "floor", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 20000,
	})
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchConcurrency, DisableCompression: true}}
	work := make(chan jetstream.Msg)
	var workers sync.WaitGroup
	for range benchConcurrency {
		workers.Go(func() {
			for m := range work {
				if err := postBare(client, webhook, m.Data()); err != nil {
					b.Error(err)
				}
				_ = m.Ack()
			}
		})
	}
	pulling, err := consumer.Consume(func(m jetstream.Msg) { work <- m }, jetstream.PullMaxMessages(2*benchConcurrency))
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		pulling.Drain()
		<-pulling.Closed()
		close(work)
		workers.Wait()
		client.CloseIdleConnections()
		nc.Close()
	}
}

var errNotAccepted = errors.New("not accepted")

func postBare(client *http.Client, url string, body []byte) error {
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errNotAccepted
	}
	return nil
}
