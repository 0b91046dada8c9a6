package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

const deletedLog = "consumer was deleted, created again from where it had got to"

// noted is the floor in the bucket; it is zero where there is none.
func noted(t *testing.T, kv jetstream.KeyValue, route string) (at floor) {
	t.Helper()
	e, err := kv.Get(t.Context(), "floor."+route)
	if err != nil {
		return floor{}
	}
	if err := json.Unmarshal(e.Value(), &at); err != nil {
		t.Fatal(err)
	}
	return at
}

func putFloor(t *testing.T, kv jetstream.KeyValue, route string, at floor) {
	t.Helper()
	value, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "floor."+route, value); err != nil {
		t.Fatal(err)
	}
}

func (b *bed) deleteConsumer(route string) {
	b.t.Helper()
	if err := b.client().DeleteConsumer(b.t.Context(), "EVENTS", route); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) floors() floors { return floors{b.client(), "EVENTS", "makebridge"} }

// tally counts how often each event was handled.
type tally struct {
	mu    sync.Mutex
	times map[uint64]int
}

func (c *tally) handle(ctx context.Context, m bridge.Message) bridge.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[uint64]int{}
	}
	c.times[m.Sequence]++
	return accept(ctx, m)
}

// not returns which of the events were not handled so many times.
func (c *tally) not(times int, from, to uint64) (other []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seq := from; seq <= to; seq++ {
		if n := c.times[seq]; n != times {
			other = append(other, fmt.Sprintf("%d: %d times", seq, n))
		}
	}
	return other
}

func TestConsumerDeletedUnderLoadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	var handled tally
	for range 2 { // each remembers only what it delivered itself
		b.run(testSettings(), handled.handle, testRoute(t, "payments", 4))
	}
	publishing, stop := context.WithCancel(t.Context())
	defer stop()
	last := make(chan uint64)
	go func() {
		var seq uint64
		for publishing.Err() == nil {
			if ack, err := b.client().Publish(t.Context(), "payments.success", []byte("1")); err == nil {
				seq = ack.Sequence
			}
			time.Sleep(time.Millisecond)
		}
		last <- seq
	}()
	eventually(t, "a floor to be noted", func() bool { return noted(t, kv, "payments").Sequence > 200 })
	at := noted(t, kv, "payments").Sequence
	b.deleteConsumer("payments")
	eventually(t, "the consumer to be created again", func() bool { return strings.Contains(b.logs.String(), deletedLog) })
	begun := b.consumer("payments").Config.OptStartSeq
	if begun <= at {
		t.Fatalf("created again from %d, want it past %d", begun, at)
	}
	eventually(t, "more events", func() bool { return len(handled.not(0, begun, begun+1000)) > 500 })
	stop()
	end := <-last
	b.settled("payments")
	if n := len(handled.not(0, 1, end)); n != int(end) {
		t.Errorf("%d of %d events were delivered", n, end)
	}
	if twice := handled.not(1, 1, begun-1); len(twice) > 0 {
		t.Errorf("%d events below the floor were delivered again: %v", len(twice), twice)
	}
}

func TestConsumerDeletedWhileNoReplicaRunsGoesOnWhereItWas(t *testing.T) {
	for name, start := range map[string]bridge.Start{"all": {}, "new": {New: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, embedded.Config{})
			kv := b.createBucket()
			route := testRoute(t, "payments", 4)
			route.Start = start
			first := b.run(testSettings(), accept, route)
			// A route that begins with new events has got somewhere before any came.
			eventually(t, "the first note", func() bool { return !noted(t, kv, "payments").Created.IsZero() })
			for range 20 {
				b.publish("payments.success", "1")
			}
			b.settled("payments")
			eventually(t, "delivery", func() bool { return first.count(bridge.Delivered) == 20 })
			first.stop()
			if at := noted(t, kv, "payments").Sequence; at != 20 {
				t.Fatalf("%d is noted at the end, want 20", at)
			}
			b.deleteConsumer("payments")
			for range 5 {
				b.publish("payments.success", "2")
			}
			var handled tally
			settings := testSettings()
			b.run(settings, handled.handle, route).settledThen(t, b)
			if other := append(handled.not(0, 1, 20), handled.not(1, 21, 25)...); len(other) > 0 {
				t.Errorf("handled %v", other)
			}
			// Where it began is history to whoever looks after it.
			settings.AckWait = time.Minute
			if got := told(plan(t, b.client(), settings, route))[2]; got != "consumer payments: update: ack wait 30s → 1m0s" {
				t.Errorf("plan %s", got)
			}
			provision(t, b.client(), settings, route)
			if c := b.consumer("payments").Config; c.AckWait != time.Minute || c.OptStartSeq != 21 {
				t.Errorf("consumer %+v", c)
			}
		})
	}
}

// settledThen stops a replica once everything is settled.
func (r *replica) settledThen(t *testing.T, b *bed) {
	t.Helper()
	b.settled("payments")
	r.stop()
}

func TestStreamThatIsCreatedAgainIsDeliveredFromItsBeginning(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	first := b.run(testSettings(), accept, testRoute(t, "payments", 4))
	for range 5 {
		b.publish("payments.success", "1")
	}
	b.settled("payments")
	first.stop()
	old := noted(t, kv, "payments")
	if old.Sequence != 5 {
		t.Fatalf("%d is noted, want 5", old.Sequence)
	}
	if err := b.client().DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	provision(t, b.client(), testSettings())
	for range 8 {
		b.publish("payments.success", "2")
	}
	var handled tally
	b.run(testSettings(), handled.handle, testRoute(t, "payments", 4)).settledThen(t, b)
	if other := handled.not(1, 1, 8); len(other) > 0 {
		t.Errorf("handled %v", other)
	}
	if at := noted(t, kv, "payments"); at.Sequence != 8 || at.Created.Equal(old.Created) {
		t.Errorf("noted %+v after %+v", at, old)
	}
}

func TestFloorOfOneStreamNeverGoesBack(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	const events, writers = 200, 4
	for range events {
		b.publish("payments.success", "1")
	}
	watch, err := kv.Watch(t.Context(), "floor.payments", jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	acking, all := make(chan struct{}), sync.WaitGroup{}
	for range writers {
		all.Go(func() {
			for done := false; !done; {
				select {
				case <-acking:
					done = true
				default:
				}
				_ = b.floors().note(t.Context(), "payments") // one that loses every race is behind, no more
			}
		})
	}
	c, err := b.client().Consumer(t.Context(), "EVENTS", "payments")
	if err != nil {
		t.Fatal(err)
	}
	for range events {
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(acking)
	all.Wait()
	if err := b.floors().note(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	for at, notes := uint64(0), 0; at < events; notes++ {
		var f floor
		if err := json.Unmarshal((<-watch.Updates()).Value(), &f); err != nil {
			t.Fatal(err)
		}
		if notes > 0 && f.Sequence <= at {
			t.Errorf("%d is noted after %d", f.Sequence, at)
		}
		at = f.Sequence
	}
	// Somebody has the consumer begin anew: it has got further before.
	b.deleteConsumer("payments")
	create(t, b, wantConsumer(testSettings(), testRoute(t, "payments", 1)))
	if err := b.floors().note(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if at := noted(t, kv, "payments").Sequence; at != events {
		t.Errorf("%d is noted, want %d still", at, events)
	}
}

// disturbed is a JetStream on which somebody writes between a question about a
// consumer and what follows from it, once.
type disturbed struct {
	jetstream.JetStream
	once sync.Once
	by   func()
}

func (d *disturbed) Consumer(ctx context.Context, stream, name string) (jetstream.Consumer, error) {
	c, err := d.JetStream.Consumer(ctx, stream, name)
	d.once.Do(d.by)
	return c, err
}

func TestNoteThatMeetsAnotherIsTriedAgain(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	first := b.run(testSettings(), accept, testRoute(t, "payments", 1))
	for range 5 {
		b.publish("payments.success", "1")
	}
	// That nothing is pending may be said before the last event is counted.
	eventually(t, "all to be settled", func() bool {
		c, err := b.client().Consumer(t.Context(), "EVENTS", "payments")
		return err == nil && c.CachedInfo().AckFloor.Stream == 5
	})
	first.stop()
	late := noted(t, kv, "payments")
	late.Sequence = 3
	putFloor(t, kv, "payments", floor{1, late.Created})
	js := &disturbed{JetStream: b.client(), by: func() { putFloor(t, kv, "payments", late) }}
	if err := (floors{js, "EVENTS", "makebridge"}).note(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if at := noted(t, kv, "payments").Sequence; at != 5 {
		t.Errorf("%d is noted, want 5", at)
	}
}

// TestFloorBeyondTheStreamIsVoid: a server that was killed, or restored from a
// backup, uses sequences again that were settled once.
func TestFloorBeyondTheStreamIsVoid(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings())
	s, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "1")
	putFloor(t, kv, "payments", floor{2, s.CachedInfo().Created})
	var handled tally
	b.run(testSettings(), handled.handle, testRoute(t, "payments", 1)).settledThen(t, b)
	if other := handled.not(1, 1, 1); len(other) > 0 {
		t.Errorf("handled %v", other)
	}
	if at := noted(t, kv, "payments").Sequence; at != 1 {
		t.Errorf("%d is noted, want 1", at)
	}
}

// slow is a JetStream on which somebody else is always quicker.
type slow struct {
	jetstream.JetStream
	before func()
}

func (s slow) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	s.before()
	return s.JetStream.CreateConsumer(ctx, stream, c)
}

// TestReplicaThatReadAnEarlierNoteTakesTheConsumerAsItIs: another one, which
// read a later note, has just created it.
func TestReplicaThatReadAnEarlierNoteTakesTheConsumerAsItIs(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings())
	for range 10 {
		b.publish("payments.success", "1")
	}
	s, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	putFloor(t, kv, "payments", floor{4, s.CachedInfo().Created})
	js := slow{b.client(), func() {
		putFloor(t, kv, "payments", floor{7, s.CachedInfo().Created})
		provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	}}
	c, err := NewProvisioner(js, testSettings()).Consumer(t.Context(), testRoute(t, "payments", 1))
	if err != nil || c.OptStartSeq != 8 {
		t.Errorf("begins at %d (%v), want 8", c.OptStartSeq, err)
	}
}

func TestWithoutProvisionTheErrorSaysWhereToStart(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	settings := testSettings()
	settings.Provision = false
	r := b.run(settings, accept, testRoute(t, "payments", 1))
	for range 3 {
		b.publish("payments.success", "1")
	}
	eventually(t, "the floor to be noted", func() bool { return noted(t, kv, "payments").Sequence == 3 })
	b.deleteConsumer("payments")
	eventually(t, "the error", func() bool {
		return strings.HasSuffix(r.Unready()["payments"], "redeliver.payments.>, starting at sequence 4, where it had got to")
	})
	if _, err := b.client().Consumer(t.Context(), "EVENTS", "payments"); err == nil {
		t.Error("it was created")
	}
}

func TestConsumerIsNotCreatedWhileItsFloorCannotBeRead(t *testing.T) {
	t.Parallel()
	without := strings.Replace(leastPermissions, `, "$JS.API.DIRECT.GET.KV_makebridge.>"`, "", 1)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, without))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	b.createBucket()
	r := b.runUnbound(b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")), testSettings(), accept, testRoute(t, "payments", 1))
	eventually(t, "the error", func() bool {
		return strings.Contains(r.Unready()["payments"], "may this user publish to $JS.API.DIRECT.GET.KV_makebridge.>?")
	})
}

func TestDeletedConsumerBeginsAnewWithoutANote(t *testing.T) {
	b := newBed(t, embedded.Config{}) // and without a bucket
	first := b.run(testSettings(), accept, testRoute(t, "payments", 1))
	b.publish("payments.success", "1")
	b.settled("payments")
	first.stop()
	b.deleteConsumer("payments")
	var handled tally
	b.run(testSettings(), handled.handle, testRoute(t, "payments", 1)).settledThen(t, b)
	if other := handled.not(1, 1, 1); len(other) > 0 {
		t.Errorf("handled %v", other)
	}
	for _, want := range []string{"how far the consumer has got is not noted", "where the consumer had got to is noted nowhere"} {
		if !strings.Contains(b.logs.String(), "level=DEBUG msg=\""+want) {
			t.Errorf("%q is not in %s", want, b.logs)
		}
	}
}

func TestDangersAreToldOnceAtTheStart(t *testing.T) {
	b := newBed(t, embedded.Config{})
	c := wantEvents(testSettings())
	c.MaxMsgs = 1000
	if _, err := b.client().CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r := b.run(testSettings(), accept, testRoute(t, "payments", 1))
	b.deleteConsumer("payments") // it is bound again, which is no start
	b.publish("payments.success", "1")
	eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == 1 })
	const want = `level=WARN msg="a setting can lose or withhold events" kind=stream name=EVENTS setting="max messages 1000: what is oldest is dropped when it is full"`
	if n := strings.Count(b.logs.String(), want); n != 1 {
		t.Errorf("told %d times in %s", n, b.logs)
	}
}
