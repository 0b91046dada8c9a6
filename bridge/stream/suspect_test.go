package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/schemas"
)

// TestMarkBlames is the table of what a mark says of its event, to a process
// that finds it.
func TestMarkBlames(t *testing.T) {
	for _, row := range []struct {
		name    string
		mark    mark
		suspect bool
		deaths  int
	}{
		{"died as it handled the event beside others", mark{Process: "dead", Handling: true}, true, 0},
		{"died as it handled the suspect", mark{Process: "dead", Handling: true, Suspect: true}, true, 1},
		{"died as it handled the suspect again", mark{Process: "dead", Handling: true, Suspect: true, Deaths: 2}, true, 3},
		{"died as the suspect waited", mark{Process: "dead", Suspect: true, Deaths: 2}, true, 2},
		{"is this one", mark{Process: "this", Handling: true}, false, 0},
		{"is this one, of a suspect", mark{Process: "this", Handling: true, Suspect: true, Deaths: 1}, true, 1},
	} {
		if suspect, deaths := row.mark.blame("this"); suspect != row.suspect || deaths != row.deaths {
			t.Errorf("process %s: suspect %t, %d deaths, want %t, %d", row.name, suspect, deaths, row.suspect, row.deaths)
		}
	}
}

// marks returns what the bucket says of events, by sequence.
func marks(t *testing.T, kv jetstream.KeyValue) map[string]mark {
	t.Helper()
	keys, err := kv.ListKeysFiltered(t.Context(), "suspect.>")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]mark{}
	for key := range keys.Keys() {
		e, err := kv.Get(t.Context(), key)
		if err != nil {
			continue // removed meanwhile
		}
		m, err := decodeMark(e.Value())
		if err != nil {
			t.Fatal(err)
		}
		sequence, _, _ := strings.Cut(strings.TrimPrefix(key, "suspect.payments."), "-")
		found[sequence] = m
	}
	return found
}

// suspected publishes an event and delivers it once, to a process that died of
// it, if the mark is to be believed. It comes back when giveBack is called.
func (b *bed) suspected(kv jetstream.KeyValue, body string, m mark) (giveBack func()) {
	b.t.Helper()
	seq := b.publish("payments.success", body)
	c, err := b.client().Consumer(b.t.Context(), "EVENTS", "payments")
	if err != nil {
		b.t.Fatal(err)
	}
	msg, err := c.Next()
	if err != nil {
		b.t.Fatal(err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		b.t.Fatal(err)
	}
	if meta.Sequence.Stream != seq {
		b.t.Fatalf("took event %d, want %d", meta.Sequence.Stream, seq)
	}
	value, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := kv.Put(b.t.Context(), eventKey("suspect", "payments", identity{seq, meta.Timestamp.UnixNano()}), value); err != nil {
		b.t.Fatal(err)
	}
	return func() {
		if err := msg.Nak(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// cautiously handles as the pipeline does: it reads the event, waits at a gate,
// and posts.
func cautiously(gate, post func(m bridge.Message)) handlerFunc {
	return func(ctx context.Context, m bridge.Message) bridge.Verdict {
		step := func(do func(bridge.Message)) bool {
			end, ok := m.Caution.Begin()
			if ok {
				done := m.Caution.Mark(ctx)
				do(m)
				done()
				end()
			}
			return ok
		}
		steps := []func(bridge.Message){func(bridge.Message) {}, post}
		if m.Caution == nil {
			post(m)
			return accept(ctx, m)
		}
		for i := 0; i < len(steps); {
			if err := m.Caution.Turn(ctx); err != nil {
				return bridge.Verdict{Outcome: bridge.HandedBack}
			}
			if i == 1 {
				gate(m)
			}
			if step(steps[i]) {
				i++
			}
		}
		return accept(ctx, m)
	}
}

func pass(bridge.Message) {}

func TestEventsOfAFirstDeliveryAreNotMarked(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	var cautious, marked atomic.Int32
	r := b.run(testSettings(), func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if m.Caution != nil {
			cautious.Add(1)
		}
		if m.Delivery == 1 && string(m.Body) == "again" {
			return bridge.Verdict{Outcome: bridge.HandedBack}
		}
		return cautiously(pass, func(m bridge.Message) {
			marked.Add(int32(len(marks(t, kv))))
			if found, ok := marks(t, kv)[fmt.Sprint(m.Sequence)]; ok != (m.Delivery > 1) || found.Suspect || found.Handling != ok {
				t.Errorf("mark of %s: %+v", m.Body, found)
			}
		})(ctx, m)
	}, testRoute(t, "payments", 1))
	b.publish("payments.success", "once")
	b.publish("payments.success", "again")
	eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == 2 })
	b.settled("payments")
	eventually(t, "the mark to be removed", func() bool { return len(marks(t, kv)) == 0 })
	if cautious.Load() != 1 || marked.Load() != 1 {
		t.Errorf("caution at %d deliveries and %d marks, want 1 and 1", cautious.Load(), marked.Load())
	}
}

func TestEventThatEndedProcessesIsDeadLetteredUnhandled(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	b.suspected(kv, "poison", mark{Process: "dead", Handling: true, Suspect: true, Deaths: mostDeaths - 1})()
	b.run(testSettings(), func(context.Context, bridge.Message) bridge.Verdict {
		t.Error("handled once more")
		return bridge.Verdict{Outcome: bridge.Filtered}
	}, testRoute(t, "payments", 1))
	b.settled("payments")
	l := b.letters()
	if len(l) != 1 || l[0].Header.Get("Makebridge-Reason") != "crashed" || string(l[0].Data) != "poison" ||
		l[0].Header.Get("Makebridge-Error") != "the process ended each of the last 3 times that it handled this event" {
		t.Fatalf("letters %v", l)
	}
	eventually(t, "the mark to be removed", func() bool { return len(marks(t, kv)) == 0 })
}

// TestSuspectsAreHandledOneAtATime: those of a process that died, while others
// flow.
func TestSuspectsAreHandledOneAtATime(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 8))
	const suspects = 5
	var giveBack []func()
	for i := range suspects {
		giveBack = append(giveBack, b.suspected(kv, fmt.Sprint("suspect ", i), mark{Process: "dead", Handling: true}))
	}
	for _, one := range giveBack {
		one()
	}
	var mu sync.Mutex
	now, most := 0, 0
	goOn := make(chan struct{})
	r := b.run(testSettings(), cautiously(pass, func(m bridge.Message) {
		if m.Caution == nil {
			return
		}
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		if found := marks(t, kv)[fmt.Sprint(m.Sequence)]; !found.Handling || !found.Suspect || found.Deaths != 0 || found.Process == "dead" {
			t.Errorf("mark of %s as it is handled: %+v", m.Body, found)
		}
		<-goOn
		mu.Lock()
		now--
		mu.Unlock()
	}), testRoute(t, "payments", 8))
	eventually(t, "a suspect to be handled", func() bool { mu.Lock(); defer mu.Unlock(); return now == 1 })
	const others = 10
	for i := range others {
		b.publish("payments.success", fmt.Sprint("other ", i))
	}
	eventually(t, "others to flow", func() bool { return r.count(bridge.Delivered) == others })
	close(goOn)
	eventually(t, "all to be delivered", func() bool { return r.count(bridge.Delivered) == others+suspects })
	b.settled("payments")
	if most != 1 {
		t.Errorf("%d suspects at a time", most)
	}
	eventually(t, "the marks to be removed", func() bool { return len(marks(t, kv)) == 0 })
	if n := len(b.letters()); n > 0 {
		t.Errorf("%d letters", n)
	}
}

// TestSuspectAtTheGateKeepsNobodyWaiting: nor is it blamed, should the process
// end meanwhile.
func TestSuspectAtTheGateKeepsNobodyWaiting(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	settings := testSettings()
	settings.AckWait = 5 * time.Second // it waits for half of it, with a death to its name
	provision(t, b.client(), settings, testRoute(t, "payments", 8))
	waits := b.suspected(kv, "waits", mark{Process: "dead", Handling: true, Suspect: true})
	b.suspected(kv, "goes", mark{Process: "dead", Handling: true})()
	waits()
	open := make(chan struct{})
	r := b.run(settings, cautiously(func(m bridge.Message) {
		if string(m.Body) == "waits" {
			<-open
		}
	}, pass), testRoute(t, "payments", 8))
	eventually(t, "the other suspect to be delivered", func() bool { return r.count(bridge.Delivered) == 1 })
	eventually(t, "the mark of one that waits", func() bool {
		m := marks(t, kv)["1"]
		return m.Process != "dead" && !m.Handling && m.Suspect && m.Deaths == 1
	})
	close(open)
	b.settled("payments")
	eventually(t, "the marks to be removed", func() bool { return len(marks(t, kv)) == 0 })
}

// TestSuspectThatIsHandedBackStaysOne: a process that stops has learned nothing.
func TestSuspectThatIsHandedBackStaysOne(t *testing.T) {
	b := newBed(t, embedded.Config{})
	kv := b.createBucket()
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	left := mark{Process: "dead", Handling: true, Suspect: true, Deaths: 1}
	b.suspected(kv, "suspect", left)()
	r := b.run(testSettings(), func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if err := m.Caution.Turn(ctx); err == nil {
			t.Error("tried by a process that has not lived for half an ack wait")
		}
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, testRoute(t, "payments", 1))
	eventually(t, "it to be in hand", func() bool { return strings.Contains(b.logs.String(), "handled with caution") })
	r.stop()
	if m := marks(t, kv)["1"]; m != left {
		t.Errorf("mark %+v, want %+v", m, left)
	}
}

// TestBucketOutOfReachKeepsNoEvent: a bridge that may not write to the bucket
// delivers all the same.
func TestBucketOutOfReachKeepsNoEvent(t *testing.T) {
	t.Parallel()
	denied := strings.Replace(leastPermissions, `"$KV.makebridge.>"`, "", 1)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, denied))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	b.createBucket()
	r := b.runUnbound(b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")), testSettings(),
		func(ctx context.Context, m bridge.Message) bridge.Verdict {
			if m.Delivery == 1 {
				return bridge.Verdict{Outcome: bridge.HandedBack} // which notes nothing
			}
			return cautiously(pass, pass)(ctx, m)
		}, testRoute(t, "payments", 1))
	const events = 6
	for range events {
		b.publish("payments.success", "1")
	}
	eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == events })
	b.settled("payments")
	if !strings.Contains(b.logs.String(), "events are not marked") {
		t.Error("the bucket was in reach")
	}
}

// TestExpiredEventOfALaterDeliveryIsNamed: the wait of an event that was put off
// until the stream will soon take it is over before it is read. Its letter has to
// say all the same which event it is.
func TestExpiredEventOfALaterDeliveryIsNamed(t *testing.T) {
	event, err := schemas.Wrap("custom.thing", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := event.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out := func(context.Context) (jetstream.KeyValue, error) { return nil, jetstream.ErrBucketNotFound }
	log := slog.New(slog.DiscardHandler)
	p := bridge.NewPipeline(bridge.Config{Route: testRoute(t, "payments", 4), Gate: shutGate{}, Validation: bridge.ValidationEnforce})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(bridge.ErrExpiring)
	v := p.Handle(ctx, bridge.Message{
		Subject: "payments.x", Body: body, Delivery: 2,
		Caution: &caution{suspects: newSuspects(out, "process", time.Minute, log)},
	})
	want := bridge.Verdict{
		Outcome: bridge.DeadLettered, Reason: bridge.Expired, Error: bridge.ErrExpiring.Error(),
		EventID: event.ID, Type: "custom.thing",
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// shutGate lets nothing through.
type shutGate struct{ bridge.Gate }

func (shutGate) Enter(ctx context.Context, _ *bridge.Destination, _ bridge.Message) (bridge.Pass, error) {
	<-ctx.Done()
	return bridge.Pass{}, ctx.Err()
}
