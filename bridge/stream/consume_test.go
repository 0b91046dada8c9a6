package stream

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestAcknowledgedOnlyAfterDelivery(t *testing.T) {
	b := newBed(t, embedded.Config{})
	started, answer := make(chan bridge.Message, 1), make(chan struct{})
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		started <- m
		<-answer
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	seq := b.publish("payments.success", "body", "traceparent", "00-1", "tracestate", "a=b")

	m := <-started
	if m.Subject != "payments.success" || string(m.Body) != "body" || m.Sequence != seq || m.Delivery != 1 ||
		m.TraceParent != "00-1" || m.TraceState != "a=b" || time.Since(m.Published) > patience {
		t.Errorf("message %+v", m)
	}
	if i := b.consumer("payments"); i.AckFloor.Stream != 0 || i.NumAckPending != 1 {
		t.Errorf("ack floor %d, %d pending before the answer", i.AckFloor.Stream, i.NumAckPending)
	}
	close(answer)
	b.settled("payments")
	if i := b.consumer("payments"); i.AckFloor.Stream != seq {
		t.Errorf("ack floor %d after the answer, want %d", i.AckFloor.Stream, seq)
	}
	eventually(t, "the observer to be told", func() bool { return r.count(bridge.Delivered) == 1 })
}

func TestRetriedEventReturnsAfterItsDelay(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	const delay = 700 * time.Millisecond
	var times []time.Time
	b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		times = append(times, time.Now())
		if m.Delivery != len(times) {
			t.Errorf("delivery %d, want %d", m.Delivery, len(times))
		}
		if m.Delivery < 3 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: delay}
		}
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 1))
	b.publish("payments.success", "body")
	b.settled("payments")
	for i := range 2 {
		if waited := times[i+1].Sub(times[i]); waited < delay {
			t.Errorf("redelivered after %s, want at least %s", waited, delay)
		}
	}
}

func TestEventInHandIsKeptAliveBeyondAckWait(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = time.Second
	var handled atomic.Int32
	route := testRoute(t, "payments", 1)
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		handled.Add(1)
		select {
		case <-time.After(3 * settings.AckWait):
		case <-ctx.Done():
		}
		return accept(t.Context(), m)
	}, route)
	// The second waits for its turn for longer than the ack wait.
	b.publish("payments.success", "1")
	b.publish("payments.success", "2")
	eventually(t, "both to be delivered", func() bool { return r.count(bridge.Delivered) == 2 })
	b.settled("payments")
	if n := handled.Load(); n != 2 {
		t.Errorf("handled %d times, want 2", n)
	}
}

func TestReplicaTakesNoMoreThanItsConcurrency(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const concurrency, events = 5, 40
	release := make(chan struct{})
	var now, most atomic.Int32
	r := b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-release
		return accept(t.Context(), m)
	}, testRoute(t, "payments", concurrency))
	for i := range events {
		b.publish("payments.success", fmt.Sprint(i))
	}
	eventually(t, "the route to be full", func() bool { return now.Load() == concurrency })
	// So many starts look like a fast webhook where they take as long as a pace is
	// measured over.
	const ahead = concurrency * int(aheadTime) / int(paceWindow)
	if n := b.consumer("payments").NumAckPending; n < concurrency || n > concurrency+ahead {
		t.Errorf("%d events taken from the server, want %d and at most %d ahead", n, concurrency, ahead)
	}
	close(release)
	eventually(t, "all to be delivered", func() bool { return r.count(bridge.Delivered) == events })
	if most.Load() != concurrency {
		t.Errorf("%d at a time, want %d", most.Load(), concurrency)
	}
}

// TestStopHandsBackWhatWasPulledAhead, though the requests that are in flight go
// on: a fast webhook has its next events at hand when it begins to hang.
func TestStopHandsBackWhatWasPulledAhead(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = 10 * time.Minute // a redelivery by its end would fail the test
	const slots = 4
	type hang struct {
		begun  atomic.Int64
		answer chan struct{}
	}
	var hangs atomic.Pointer[hang] // nil while the webhook is fast
	first := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if ctx.Err() != nil {
			return bridge.Verdict{Outcome: bridge.HandedBack}
		}
		if h := hangs.Load(); h != nil {
			h.begun.Add(1)
			<-h.answer
		}
		return accept(t.Context(), m)
	}, testRoute(t, "payments", slots))
	events := 0
	eventually(t, "events to be pulled ahead", func() bool {
		switch h := hangs.Load(); {
		case h == nil: // a backlog, so that the webhook is what the pace goes by
			for range 200 {
				if _, err := b.client().PublishAsync("payments.success", []byte("event"), jetstream.WithStallWait(patience)); err != nil {
					t.Fatal(err)
				}
				events++
			}
			<-b.client().PublishAsyncComplete()
			if first.count(bridge.Delivered) > 100 {
				hangs.Store(&hang{answer: make(chan struct{})})
			}
		case h.begun.Load() == slots && b.consumer("payments").NumAckPending > 2*slots:
			return true
		case first.count(bridge.Delivered) == events || h.begun.Load() == slots: // too little was at hand: once more
			hangs.Store(nil)
			close(h.answer)
		}
		return false
	})
	hanging := hangs.Load()
	stopped := make(chan struct{})
	go func() { first.stop(); close(stopped) }()
	second := b.run(settings, accept, testRoute(t, "payments", slots))
	eventually(t, "all but what is in flight to be delivered", func() bool {
		return first.count(bridge.Delivered)+second.count(bridge.Delivered) == events-slots
	})
	close(hanging.answer)
	<-stopped
	if n := hanging.begun.Load(); n != slots {
		t.Errorf("%d events begun by the stopping replica since the webhook hangs, want %d", n, slots)
	}
	b.settled("payments")
}

func TestStopFinishesWhatIsInFlightAndHandsBackTheRest(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = 10 * time.Minute // a redelivery by its end would fail the test
	inFlight, answer := make(chan struct{}, 1), make(chan struct{})
	first := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if string(m.Body) == "0" {
			inFlight <- struct{}{}
			<-answer
			return accept(t.Context(), m)
		}
		<-ctx.Done() // as at a held gate
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, testRoute(t, "payments", 3))
	const events = 10
	for i := range events {
		b.publish("payments.success", fmt.Sprint(i))
	}
	<-inFlight
	eventually(t, "the first replica to be full", func() bool { return b.consumer("payments").NumAckPending >= 3 }) // and may pull ahead

	stopped := make(chan struct{})
	go func() { first.stop(); close(stopped) }()
	second := b.run(settings, accept, testRoute(t, "payments", 3))
	eventually(t, "the rest to be delivered by another replica", func() bool { return second.count(bridge.Delivered) == events-1 })
	close(answer)
	<-stopped
	if n := first.count(bridge.Delivered); n != 1 {
		t.Errorf("%d delivered by the stopping replica, want the one in flight", n)
	}
	b.settled("payments")
}

func TestLostConnectionLeadsToNoSecondDelivery(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	handled := map[string]int{}
	var mu sync.Mutex
	down := make(chan struct{})
	inFlight := make(chan struct{}, 8)
	b.run(settings, func(_ context.Context, m bridge.Message) bridge.Verdict {
		mu.Lock()
		handled[string(m.Body)]++
		mu.Unlock()
		if m.Sequence <= 4 {
			inFlight <- struct{}{}
			<-down // the 2xx comes when NATS is away
		}
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	for i := range 8 {
		b.publish("payments.success", fmt.Sprint(i))
	}
	for range 4 {
		<-inFlight
	}
	b.server.Shutdown()
	close(down)
	b.start()
	b.settled("payments")
	mu.Lock()
	defer mu.Unlock()
	for i := range 8 {
		if n := handled[fmt.Sprint(i)]; n != 1 {
			t.Errorf("event %d handled %d times, want once", i, n)
		}
	}
}

func TestRedeliveryReentersOneRouteWithTheOriginalSubject(t *testing.T) {
	b := newBed(t, embedded.Config{})
	subjects := make(chan string, 4)
	all := testRoute(t, "all", 1)
	all.Subjects = []string{"payments.success"}
	b.run(testSettings(), func(_ context.Context, m bridge.Message) bridge.Verdict {
		subjects <- m.Subject
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 1), all)
	b.publish("redeliver.payments.payments.success", "body")
	if s := <-subjects; s != "payments.success" {
		t.Errorf("subject %s", s)
	}
	b.settled("payments")
	b.settled("all")
	if len(subjects) > 0 {
		t.Error("another route had it too")
	}
}

func TestEachRouteGetsItsCopy(t *testing.T) {
	b := newBed(t, embedded.Config{})
	audit := testRoute(t, "audit", 2)
	audit.Subjects = []string{"payments.success", "appointments.>"}
	r := b.run(testSettings(), accept, testRoute(t, "payments", 2), audit)
	b.publish("payments.success", "1")
	b.publish("payments.failed", "2")
	b.publish("appointments.created", "3")
	eventually(t, "the copies", func() bool { return r.count(bridge.Delivered) == 4 })
	b.settled("payments")
	b.settled("audit")
}

func TestDeletedConsumerAndStreamComeBack(t *testing.T) {
	b := newBed(t, embedded.Config{})
	r := b.run(testSettings(), accept, testRoute(t, "payments", 2))
	if err := b.client().DeleteConsumer(t.Context(), "EVENTS", "payments"); err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "1")
	eventually(t, "delivery after the consumer was deleted", func() bool { return r.count(bridge.Delivered) == 1 })
	if err := b.client().DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stream to be created again", func() bool {
		_, err := b.client().Stream(t.Context(), "EVENTS")
		return err == nil && len(r.Unready()) == 0
	})
	// The sequence is 1 again, and it is another event all the same.
	b.publish("payments.success", "2")
	eventually(t, "delivery after the stream was deleted", func() bool { return r.count(bridge.Delivered) == 2 })
}

func TestPullThatWentSilentIsHealed(t *testing.T) {
	b := newBed(t, embedded.Config{})
	nc, err := nats.Connect(b.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p, err := newPuller(nc, "$JS.API.", "EVENTS", "payments", 8, b.logger())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if p.silent(now.Add(time.Hour)) {
		t.Error("silent with nothing asked for")
	}
	if err := p.ask(5, now); err != nil {
		t.Fatal(err)
	}
	if p.silent(now.Add(2 * pullHeartbeat)) {
		t.Error("silent before its time")
	}
	if !p.silent(now.Add(pullSilence + time.Millisecond)) {
		t.Error("not silent")
	}
	inbox := p.inbox
	if err := p.renew(); err != nil {
		t.Fatal(err)
	}
	if p.inbox == inbox || p.open != 0 {
		t.Error("still waits for the old request")
	}
}

// TestOutageLongerThanAckWaitBurnsNoDeliveries: what is pulled right after the
// server is back is fresh, and not taken for what waited all the while.
func TestOutageLongerThanAckWaitBurnsNoDeliveries(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = time.Second
	var again atomic.Int32
	r := b.run(settings, func(_ context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery > 1 {
			again.Add(1)
		}
		<-time.After(20 * time.Millisecond) // a webhook
		return accept(t.Context(), m)
	}, testRoute(t, "payments", 4))
	const events = 300
	for i := range events {
		b.publish("payments.success", fmt.Sprint(i))
	}
	eventually(t, "some deliveries", func() bool { return r.count(bridge.Delivered) > events/10 })
	b.server.Shutdown()
	<-time.After(3 * settings.AckWait)
	b.start()
	b.settled("payments")
	// What was in hand as the server went has to come again: a few events, at
	// 200 a second and a concurrency of 4.
	if n := again.Load(); n > events/5 {
		t.Errorf("%d of %d events were delivered more than once", n, events)
	}
}
