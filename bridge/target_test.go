package bridge

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heldGate keeps everybody out of the destinations that are held, and knows
// what it is told.
type heldGate struct {
	openGate
	mu   sync.Mutex
	held map[*Destination]bool
	told []heard
}

type heard struct {
	Destination *Destination
	Class       Class
}

func (g *heldGate) Enter(ctx context.Context, d *Destination, _ Message) (Pass, error) {
	if g.held[d] {
		<-ctx.Done()
	}
	return Pass{}, ctx.Err()
}

func (g *heldGate) Leave(_ context.Context, d *Destination, _ Message, _ Pass, a Answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = append(g.told, heard{d, a.Class})
}

// playing posts as it is told, by destination.
type playing struct {
	plays map[*Destination]func(context.Context, Request) Answer
	mu    sync.Mutex
	sent  []Request
}

func (p *playing) Deliver(ctx context.Context, r Request, _ func(context.Context) error) Answer {
	p.mu.Lock()
	p.sent = append(p.sent, r)
	p.mu.Unlock()
	if play := p.plays[r.Destination]; play != nil {
		return play(ctx, r)
	}
	return answer(ClassDelivered, 200, 1)
}

// moved is a pipeline, its parts, and destinations to redirect it to.
type moved struct {
	*Pipeline
	gate             *heldGate
	deliverer        *playing
	old, rekeyed, to *Destination
}

func newMoved(t *testing.T) *moved {
	t.Helper()
	route := testRoute(t)
	other, err := ParseWebhookURL("https://hook.example.com/new", false)
	if err != nil {
		t.Fatal(err)
	}
	m := &moved{
		gate:      &heldGate{held: map[*Destination]bool{}},
		deliverer: &playing{plays: map[*Destination]func(context.Context, Request) Answer{}},
		old:       route.Destination,
		rekeyed:   &Destination{URL: route.Destination.URL, APIKey: NewSecret("fresh")},
		to:        &Destination{URL: other},
	}
	m.Pipeline = NewPipeline(Config{route, m.deliverer, m.gate, testPolicy, ValidationEnforce, nil})
	return m
}

// handle takes an event through the pipeline and returns at once.
func (m *moved) handle(ctx context.Context, t *testing.T) <-chan Verdict {
	t.Helper()
	verdict, message := make(chan Verdict, 1), exampleMessage(t, "payment.success", "payments.success")
	go func() { verdict <- m.Handle(ctx, message) }()
	return verdict
}

func TestRedirectLetsEventsOutOfAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoved(t)
		m.gate.held[m.old] = true
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var verdicts []<-chan Verdict
		for range 3 {
			verdicts = append(verdicts, m.handle(ctx, t))
		}
		synctest.Wait()
		start := time.Now()

		m.Redirect(m.to)
		synctest.Wait()

		for _, v := range verdicts {
			select {
			case v := <-v:
				if v.Outcome != Delivered || v.Attempts != 1 {
					t.Errorf("%s after %d requests, want delivered by one", v.Outcome, v.Attempts)
				}
			default:
				t.Fatal("an event still waits for the destination that was replaced")
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %s", took)
		}
		for _, r := range m.deliverer.sent {
			if r.Destination != m.to {
				t.Error("a request went to the destination that was replaced")
			}
		}
		if m.Destination() != m.to {
			t.Error("the pipeline has another destination")
		}
	})
}

// TestRedirectDuringADelivery tells what becomes of a request that is in flight
// when its destination is replaced.
func TestRedirectDuringADelivery(t *testing.T) {
	const otherURL, otherKey = false, true
	for _, tt := range []struct {
		name    string
		key     bool
		answer  Answer
		outcome Outcome
		sent    int
		heard   Class
	}{
		{"delivered there", otherURL, answer(ClassDelivered, 200, 1), Delivered, 1, ClassDelivered},
		{"rejected there", otherURL, answer(ClassRejected, 422, 1), DeadLettered, 1, ClassRejected},
		{"failed there", otherURL, answer(ClassFailed, 500, 3), Delivered, 2, ClassFailed},
		{"interrupted between two requests", otherURL, answer(ClassInterrupted, 500, 2), Delivered, 2, ClassInterrupted},
		{"the old webhook is gone", otherURL, answer(ClassMisconfigured, 410, 1), Delivered, 2, ClassMisconfigured},
		{"the old key is refused", otherKey, answer(ClassMisconfigured, 401, 1), Delivered, 2, ClassInterrupted},
		{"the old key meets a full queue", otherKey, answer(ClassBackpressure, 400, 1), Delivered, 2, ClassBackpressure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoved(t)
				next := m.to
				if tt.key == otherKey {
					next = m.rekeyed
				}
				m.deliverer.plays[m.old] = func(ctx context.Context, _ Request) Answer {
					<-ctx.Done() // which is what ends backoffs
					return tt.answer
				}
				verdict := m.handle(t.Context(), t)
				synctest.Wait()

				m.Redirect(next)

				if v := <-verdict; v.Outcome != tt.outcome {
					t.Fatalf("%s, want %s", v.Outcome, tt.outcome)
				}
				if diff := cmp.Diff(tt.heard.String(), m.gate.told[0].Class.String()); diff != "" {
					t.Errorf("the gate of the old destination is told (-want +got):\n%s", diff)
				}
				if len(m.deliverer.sent) != tt.sent {
					t.Fatalf("%d deliveries, want %d", len(m.deliverer.sent), tt.sent)
				}
				last := m.deliverer.sent[tt.sent-1]
				if tt.sent == 2 && (last.Destination != next || last.MaxAttempts != testPolicy.Attempts || last.Attempt != tt.answer.Attempts+1) {
					t.Errorf("the new destination gets %d requests, the first numbered %d", last.MaxAttempts, last.Attempt)
				}
			})
		})
	}
}

func TestStopAfterRedirectHandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoved(t)
		m.gate.held[m.old], m.gate.held[m.to] = true, true
		ctx, stop := context.WithCancel(t.Context())
		verdict := m.handle(ctx, t)
		synctest.Wait()
		m.Redirect(m.to)
		synctest.Wait()
		if len(verdict) > 0 {
			t.Fatal("the event does not wait for the new destination")
		}
		stop()
		if v := <-verdict; v.Outcome != HandedBack || len(m.deliverer.sent) > 0 {
			t.Errorf("%s after %d deliveries, want handed back", v.Outcome, len(m.deliverer.sent))
		}
	})
}

// TestVisitEnds with the event's wait, with the destination, and when it is left,
// and no sooner.
func TestVisitEnds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		end      func(stop func(), m *moved, v *visit)
		err      error
		replaced bool
	}{
		{"the bridge stops", func(stop func(), _ *moved, _ *visit) { stop() }, context.Canceled, false},
		{"the destination is replaced", func(_ func(), m *moved, _ *visit) { m.Redirect(m.to) }, context.Canceled, true},
		{"the same destination again", func(_ func(), m *moved, v *visit) { m.Redirect(m.old); v.depart() }, context.Canceled, false},
		{"it is left", func(_ func(), _ *moved, v *visit) { v.depart() }, context.Canceled, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMoved(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			v := m.target.visit(ctx)
			defer v.depart()
			select {
			case <-v.Done():
				t.Fatal("it is over from the beginning")
			default:
			}
			tt.end(stop, m, v)
			<-v.Done()
			if v.Err() != tt.err || v.replaced() != tt.replaced { //nolint:errorlint // contexts return it bare
				t.Errorf("%v, replaced: %t; want %v, %t", v.Err(), v.replaced(), tt.err, tt.replaced)
			}
		})
	}
}

// TestContextOfAVisitMayEndWithIt: a request's context that was over as the visit
// was left found it done and without an error, and package context ended the process.
func TestContextOfAVisitMayEndWithIt(t *testing.T) {
	m := newMoved(t)
	for range 20_000 {
		v := m.target.visit(t.Context())
		ctx, cancel := context.WithTimeout(v, time.Hour)
		cancel()
		v.depart()
		if ctx.Err() == nil || v.Err() == nil {
			t.Fatal("over without an error")
		}
	}
}

// TestRedirectBackAndForth: events find their way while destinations change.
func TestRedirectBackAndForth(t *testing.T) {
	m := newMoved(t)
	m.gate.held[m.old] = true
	done := make(chan struct{})
	var events sync.WaitGroup
	for range 20 {
		message := exampleMessage(t, "payment.success", "payments.success")
		events.Go(func() {
			if v := m.Handle(t.Context(), message); v.Outcome != Delivered {
				t.Errorf("%s, want delivered", v.Outcome)
			}
		})
	}
	go func() { defer close(done); events.Wait() }()
	for moves := 0; ; moves++ {
		select {
		case <-done:
			return
		default:
			m.Redirect([]*Destination{m.to, m.old, m.rekeyed}[moves%3])
		}
	}
}
