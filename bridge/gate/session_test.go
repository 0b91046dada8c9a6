package gate

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// What stands in package testbed, by the names that it has here.
var (
	eventually  = testbed.Eventually
	startServer = testbed.StartServer
)

// share runs a shared gate on a connection of its own until stop is called.
func share(t *testing.T, url, replica string, b BucketConfig) (g *Shared, stop func()) {
	t.Helper()
	return shareLogging(t, url, replica, b, slog.New(slog.DiscardHandler))
}

func shareLogging(t *testing.T, url, replica string, b BucketConfig, log *slog.Logger) (g *Shared, stop func()) {
	t.Helper()
	js := testbed.Connect(t, url, nats.ReconnectBufSize(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	c := testConfig(replica)
	c.HoldMin, c.HoldMax, c.Logger = 300*time.Millisecond, time.Second, log
	g = NewShared(js, b, Replica{Version: "test", Host: "here", Routes: []string{"payments"}}, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return g, stop
}

var testBucket = BucketConfig{Name: "makebridge", Replicas: 1, Provision: true}

func TestSharedHoldOnARealServer(t *testing.T) {
	server := startServer(t, embedded.Config{})
	a, _ := share(t, server.URL(), "a", testBucket)
	b, _ := share(t, server.URL(), "b", testBucket)
	d := destination(t, unlimitedPace)
	a.Leave(t.Context(), d, message(1), mustEnter(t, a.Gate, d, 1), gone)
	eventually(t, "the other replica to hold", func() bool { return b.Held(d) })

	late, _ := share(t, server.URL(), "late", testBucket)
	<-late.Ready()
	if !late.Held(d) {
		t.Error("a replica that starts does not know the holds when it is ready")
	}
	kv, err := a.js.KeyValue(t.Context(), "makebridge")
	if err != nil {
		t.Fatal(err)
	}
	e, err := kv.Get(t.Context(), "hold."+d.URL.ID())
	if err != nil {
		t.Fatal(err)
	}
	h, err := DecodeHold(e.Value())
	if err != nil || h.Reason != "misconfigured" || h.Status != 410 || h.Destination != d.URL.String() || strings.Contains(string(e.Value()), "abc") {
		t.Errorf("hold %s, %v", e.Value(), err)
	}

	pass := mustEnter(t, b.Gate, d, 2)
	if !pass.Probe {
		t.Fatal("no probe")
	}
	b.Leave(t.Context(), d, message(2), pass, failed)
	if !a.Held(d) {
		t.Error("released by a probe that failed")
	}
	pass = mustEnter(t, late.Gate, d, 3)
	late.Leave(t.Context(), d, message(3), pass, delivered)
	eventually(t, "all to be released", func() bool { return !a.Held(d) && !b.Held(d) && !late.Held(d) })
	mustEnter(t, a.Gate, d, 1)
}

func TestSharedGateStartsNothingWithoutNATSAndKnowsTheHoldsAfterwards(t *testing.T) {
	config := embedded.Config{StoreDir: t.TempDir(), Port: testbed.FreePort(t)}
	server := startServer(t, config)
	a, _ := share(t, server.URL(), "a", testBucket)
	b, _ := share(t, server.URL(), "b", testBucket)
	d := destination(t, unlimitedPace)
	mustEnter(t, a.Gate, d, 1)
	held := mustEnter(t, b.Gate, d, 2)
	b.Leave(t.Context(), d, message(2), held, gone)
	eventually(t, "the hold to be shared", func() bool { return a.Held(d) })

	server.Shutdown()
	eventually(t, "both to notice", func() bool { return a.stop.paused.Load() && b.stop.paused.Load() })
	other := destination(t, unlimitedPace)
	u, err := bridge.ParseWebhookURL("https://hook.example.com/other", false)
	if err != nil {
		t.Fatal(err)
	}
	other.URL = u
	through := enter(t, a.Gate, other, 3)
	startServer(t, config)
	if pass := <-through; pass.Probe {
		t.Error("another destination is held")
	}
	if !a.Held(d) {
		t.Error("the hold was forgotten")
	}
	b.Leave(t.Context(), d, message(2), mustEnter(t, b.Gate, d, 2), delivered)
	eventually(t, "the release", func() bool { return !a.Held(d) })
}

func TestBucketThatIsDeletedComesBack(t *testing.T) {
	server := startServer(t, embedded.Config{})
	a, _ := share(t, server.URL(), "a", testBucket)
	<-a.Ready()
	if err := a.js.DeleteKeyValue(t.Context(), "makebridge"); err != nil {
		t.Fatal(err)
	}
	d := destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
	mustEnter(t, a.Gate, d, 1) // takes an instant from the new bucket
	if _, err := a.js.KeyValue(t.Context(), "makebridge"); err != nil {
		t.Error(err)
	}
}

func TestWithoutProvisionTheBucketIsWaitedFor(t *testing.T) {
	server := startServer(t, embedded.Config{})
	b := testBucket
	b.Provision = false
	a, _ := share(t, server.URL(), "a", b)
	through := enter(t, a.Gate, destination(t, unlimitedPace), 1)
	if _, err := a.js.KeyValue(t.Context(), "makebridge"); err == nil {
		t.Error("the bucket was created")
	}
	if _, err := a.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge"}); err != nil {
		t.Fatal(err)
	}
	<-through
}

func TestReplicasAreNamedWhileTheyLive(t *testing.T) {
	server := startServer(t, embedded.Config{})
	a, _ := share(t, server.URL(), "a", testBucket)
	b, stop := share(t, server.URL(), "b", testBucket)
	<-a.Ready()
	<-b.Ready()
	kv, err := a.js.KeyValue(t.Context(), "makebridge")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if e, err := kv.Get(t.Context(), "replica."+name); err != nil || !strings.Contains(string(e.Value()), `"version":"test"`) {
			t.Errorf("replica %s: %v", name, err)
		}
	}
	stop()
	if _, err := kv.Get(t.Context(), "replica.b"); err == nil {
		t.Error("a replica that stopped is still named")
	}
}

func TestSharedPaceOnARealServer(t *testing.T) {
	server := startServer(t, embedded.Config{})
	limit := bridge.Limit{Requests: 50, Window: time.Second}
	sent := &sendTimes{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for r := range 3 {
		g, _ := share(t, server.URL(), fmt.Sprint(r), testBucket)
		go func() { send(ctx, g.Gate, destination(t, limit), 8, sent); done <- struct{}{} }()
	}
	eventually(t, "200 requests", func() bool {
		sent.mu.Lock()
		defer sent.mu.Unlock()
		return len(sent.times) >= 200
	})
	cancel()
	for range 3 {
		<-done
	}
	checkLimit(t, sent.sorted(), limit)
}

// TestFullStorageIsSaid: with what to do about it, and when it is over; meanwhile
// events pass.
func TestFullStorageIsSaid(t *testing.T) {
	t.Parallel()
	server := startServer(t, embedded.Config{ConfigFile: testbed.LittleStorage(t, "1MB")})
	var logs testbed.Log
	g, _ := shareLogging(t, server.URL(), "a", testBucket, logs.Logger(slog.LevelInfo))
	<-g.Ready()
	events, err := g.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}})
	if err != nil {
		t.Fatal(err)
	}
	testbed.Fill(t, g.js, "payments.x")
	d := destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
	<-enter(t, g.Gate, d, 1)
	if text := logs.String(); !strings.Contains(text, "keeps a quarter") || !strings.Contains(text, "max_file") {
		t.Errorf("nothing is said of it:\n%s", text)
	}
	late, _ := share(t, server.URL(), "late", testBucket)
	<-late.Ready()
	if age := time.Until(late.Now()).Abs(); age > time.Minute {
		t.Errorf("the clock of a replica that starts meanwhile is %s off", age)
	}
	<-enter(t, late.Gate, d, 1)
	if err := events.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of it", func() bool {
		<-enter(t, g.Gate, d, 2)
		return strings.Contains(logs.String(), "together with other replicas again")
	})
}

// TestEvidenceThatIsRemovedIsNone: by hand, or because its bucket keeps nothing for
// long, which happens to destinations that have not answered for a while.
func TestEvidenceThatIsRemovedIsNone(t *testing.T) {
	t.Parallel()
	server := startServer(t, embedded.Config{})
	g, _ := share(t, server.URL(), "a", testBucket)
	<-g.Ready()
	elsewhere, err := bridge.ParseWebhookURL("https://hook.example.com/other", false)
	if err != nil {
		t.Fatal(err)
	}
	d, other := destination(t, unlimitedPace), &bridge.Destination{URL: elsewhere, Limit: unlimitedPace}
	works := func(d *bridge.Destination, since time.Time) func() bool {
		return func() bool { return g.Works(d, since) }
	}
	begun := time.Now()
	g.Leave(t.Context(), d, message(1), mustEnter(t, g.Gate, d, 1), delivered)
	testbed.Eventually(t, "the evidence", works(d, begun.Add(-time.Second)))
	kv, err := g.js.KeyValue(t.Context(), testBucket.Name)
	if err != nil {
		t.Fatal(err)
	}
	var known time.Time // by the server's clock
	testbed.Eventually(t, "the evidence in the bucket", func() bool {
		e, err := kv.Get(t.Context(), "works."+d.URL.ID())
		if err == nil {
			known = e.Created()
		}
		return err == nil
	})
	// The clocks of replica and server agree to much less than that.
	testbed.Eventually(t, "a second to pass", func() bool { return time.Since(known) > time.Second })
	if err := kv.Delete(t.Context(), "works."+d.URL.ID()); err != nil {
		t.Fatal(err)
	}
	// What is written after it is heard after it.
	if _, err := kv.Put(t.Context(), "works."+other.URL.ID(), nil); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "what comes after", works(other, known))
	if g.Works(d, known.Add(time.Second/2)) {
		t.Error("a key that went is taken for an answer")
	}
}
