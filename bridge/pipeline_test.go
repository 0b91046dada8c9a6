package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/schemas"
)

// scripted answers deliveries from a list and remembers the requests.
type scripted struct {
	answers  []Answer
	requests []Request
	during   func(again func(context.Context) error) // runs in each delivery
}

func (s *scripted) Deliver(_ context.Context, r Request, again func(context.Context) error) Answer {
	s.requests = append(s.requests, r)
	if s.during != nil {
		s.during(again)
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	return a
}

// openGate lets everything through and knows what it is told.
type openGate struct {
	held, works bool
	since       time.Time
	passes      []Pass // handed out in turn, then plain ones
	left        []Answer
	err         error
	wait        time.Duration // before every further request
}

func (g *openGate) Enter(ctx context.Context, _ *Destination, _ Message) (Pass, error) {
	if g.err != nil {
		return Pass{}, g.err
	}
	if len(g.passes) > 0 {
		p := g.passes[0]
		g.passes = g.passes[1:]
		return p, ctx.Err()
	}
	return Pass{}, ctx.Err()
}

func (g *openGate) Again(ctx context.Context, _ *Destination) error {
	time.Sleep(g.wait)
	return ctx.Err()
}

func (g *openGate) Leave(_ context.Context, _ *Destination, _ Message, _ Pass, a Answer) {
	g.left = append(g.left, a)
}

func (g *openGate) Held(*Destination) bool { return g.held }

func (g *openGate) Works(_ *Destination, since time.Time) bool {
	g.since = since
	return g.works
}

var testPolicy = RetryPolicy{
	Attempts:      3,
	Delays:        []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute},
	MaxDeliveries: 4,
}

func testRoute(t *testing.T) *Route {
	t.Helper()
	u, err := ParseWebhookURL("https://hook.example.com/abc", false)
	if err != nil {
		t.Fatal(err)
	}
	return &Route{Name: "payments", Subjects: []string{"payments.>"}, Destination: &Destination{URL: u}, Timeout: time.Second}
}

func exampleMessage(t *testing.T, typ, subject string) Message {
	t.Helper()
	e, err := schemas.ExampleEvent(typ, schemas.WithID("event-1"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return Message{Subject: subject, Body: body, Sequence: 7, Published: time.Now(), Delivery: 1}
}

func answer(c Class, status, attempts int) Answer {
	return Answer{Class: c, Status: status, Attempts: attempts, Detail: fmt.Sprint("detail of ", status)}
}

// TestVerdict is the table of what becomes of an event by its destination's
// answers, its age, and what is known of the destination.
func TestVerdict(t *testing.T) {
	const hour = time.Hour
	probe := []Pass{{Probe: true}}
	ok := answer(ClassDelivered, 200, 1)
	tests := []struct {
		name     string
		answers  []Answer
		passes   []Pass
		delivery int
		age      time.Duration
		giveUp   time.Duration
		held     bool // the destination, when the event is judged
		works    bool // it has accepted another event since
		ordering Ordering
		outcome  Outcome
		reason   Reason
	}{
		{name: "2xx", answers: []Answer{ok}, outcome: Delivered},
		{name: "rejected", answers: []Answer{answer(ClassRejected, 422, 1)}, outcome: DeadLettered, reason: Rejected},
		{name: "rejected, while held", answers: []Answer{answer(ClassRejected, 422, 1)}, held: true, outcome: DeadLettered, reason: Rejected},
		{name: "failed once", answers: []Answer{answer(ClassFailed, 500, 3)}, works: true, outcome: Retried},
		{name: "backpressure, then 2xx", answers: []Answer{answer(ClassBackpressure, 429, 1), answer(ClassBackpressure, 429, 1), ok}, outcome: Delivered},
		{name: "misconfigured, then 2xx", answers: []Answer{answer(ClassMisconfigured, 410, 1), ok}, outcome: Delivered},
		{name: "backpressure counts against no event", answers: []Answer{answer(ClassBackpressure, 429, 1), ok}, delivery: 40, age: 400 * hour, works: true, outcome: Delivered},
		{name: "interrupted by a hold, then 2xx", answers: []Answer{answer(ClassInterrupted, 500, 1), ok}, outcome: Delivered},
		{name: "a probe that fails spends nothing", answers: []Answer{answer(ClassFailed, 500, 1), ok}, passes: probe, delivery: 40, age: 400 * hour, works: true, outcome: Delivered},
		{name: "exhausted", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 4, age: hour, works: true, outcome: DeadLettered, reason: Exhausted},
		{name: "exhausted, ordered by key", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 4, age: hour, works: true, ordering: OrderingKey, outcome: DeadLettered, reason: Exhausted},
		{name: "strict, tried on", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 40, age: 400 * hour, works: true, ordering: OrderingStrict, outcome: Retried},
		{name: "strict, given up", answers: []Answer{answer(ClassFailed, 500, 3)}, age: 2 * hour, giveUp: hour, ordering: OrderingStrict, outcome: DeadLettered, reason: Expired},
		{name: "strict, given up as the probe", answers: []Answer{answer(ClassBackpressure, 429, 1), answer(ClassFailed, 500, 1)}, passes: []Pass{{}, {Probe: true}}, age: 2 * hour, giveUp: hour, held: true, ordering: OrderingStrict, outcome: DeadLettered, reason: Expired},
		{name: "strict, a probe too young to be given up", answers: []Answer{answer(ClassFailed, 500, 1), ok}, passes: probe, age: hour / 2, giveUp: hour, held: true, ordering: OrderingStrict, outcome: Delivered},
		{name: "strict, a probe that is asked to wait is not given up", answers: []Answer{answer(ClassBackpressure, 429, 1), ok}, passes: probe, age: 2 * hour, giveUp: hour, held: true, ordering: OrderingStrict, outcome: Delivered},
		{name: "not strict, a probe is not given up", answers: []Answer{answer(ClassFailed, 500, 1), ok}, passes: probe, age: 2 * hour, giveUp: hour, held: true, outcome: Delivered},
		{name: "no evidence, tried on", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 400, age: 400 * hour, outcome: Retried},
		{name: "too few deliveries", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 3, age: 400 * hour, works: true, outcome: Retried},
		{name: "too young for its deliveries, which restarts raised", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 40, age: time.Minute, works: true, outcome: Retried},
		{name: "old enough, less the jitter", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 4, age: 12*time.Minute + 30*time.Second - 2*time.Minute, works: true, outcome: DeadLettered, reason: Exhausted},
		{name: "held, not exhausted", answers: []Answer{answer(ClassFailed, 500, 3)}, delivery: 40, age: 400 * hour, works: true, held: true, outcome: Retried},
		{name: "expired without evidence", answers: []Answer{answer(ClassFailed, 500, 3)}, age: 2 * hour, giveUp: hour, outcome: DeadLettered, reason: Expired},
		{name: "held, not expired", answers: []Answer{answer(ClassFailed, 500, 3)}, age: 2 * hour, giveUp: hour, held: true, outcome: Retried},
		{name: "not expired yet", answers: []Answer{answer(ClassFailed, 500, 3)}, age: hour / 2, giveUp: hour, outcome: Retried},
		{name: "never given up", answers: []Answer{answer(ClassFailed, 500, 3)}, age: 4000 * hour, outcome: Retried},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := testPolicy
			policy.GiveUpAfter = tt.giveUp
			gate := &openGate{held: tt.held, works: tt.works, passes: tt.passes}
			deliverer := &scripted{answers: tt.answers}
			route := testRoute(t)
			route.Ordering = tt.ordering
			p := NewPipeline(Config{route, deliverer, gate, policy, ValidationEnforce, nil})
			m := exampleMessage(t, "payment.success", "payments.success")
			m.Delivery, m.Published = max(1, tt.delivery), time.Now().Add(-tt.age)
			last := tt.answers[len(tt.answers)-1]

			v := p.Handle(t.Context(), m)

			if v.Outcome != tt.outcome || v.Reason != tt.reason {
				t.Fatalf("%s %s, want %s %s", v.Outcome, v.Reason, tt.outcome, tt.reason)
			}
			if v.Status != last.Status || v.EventID != "event-1" || v.Type != "payment.success" {
				t.Errorf("verdict tells %+v", v)
			}
			if len(deliverer.answers) > 0 {
				t.Errorf("%d answers left over", len(deliverer.answers))
			}
			if diff := cmp.Diff(tt.answers, gate.left); diff != "" {
				t.Errorf("the gate learns of other answers (-want +got):\n%s", diff)
			}
			if (v.Delay > 0) != (v.Outcome == Retried) {
				t.Errorf("delay %s for an event that is %s", v.Delay, v.Outcome)
			}
			if (v.Error != "") != (v.Outcome != Delivered) {
				t.Errorf("error %q for an event that is %s", v.Error, v.Outcome)
			}
		})
	}
}

func TestRequestsAreNumberedAndBounded(t *testing.T) {
	d := &scripted{answers: []Answer{
		answer(ClassInterrupted, 500, 2), // two of three used, then held
		answer(ClassFailed, 500, 1),      // as the probe
		answer(ClassBackpressure, 429, 1),
		answer(ClassDelivered, 200, 1),
	}}
	gate := &openGate{passes: []Pass{{}, {Probe: true}}}
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.TraceParent, m.TraceState = 3, "00-1", "a=b"
	v := NewPipeline(Config{testRoute(t), d, gate, testPolicy, ValidationEnforce, nil}).Handle(t.Context(), m)

	type numbers struct{ Delivery, Attempt, MaxAttempts int }
	var got []numbers
	for _, r := range d.requests {
		got = append(got, numbers{r.Delivery, r.Attempt, r.MaxAttempts})
		if r.EventID != "event-1" || r.Subject != "payments.success" || r.TraceParent != "00-1" || r.TraceState != "a=b" ||
			r.Timeout != time.Second || string(r.Body) != string(m.Body) {
			t.Errorf("request is not the event's: %+v", r)
		}
	}
	if diff := cmp.Diff([]numbers{{3, 1, 3}, {3, 3, 1}, {3, 4, 1}, {3, 5, 1}}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if v.Attempts != 5 {
		t.Errorf("%d attempts, want 5", v.Attempts)
	}
}

func TestStopHandsBack(t *testing.T) {
	m := exampleMessage(t, "payment.success", "payments.success")
	t.Run("while waiting at the gate", func(t *testing.T) {
		d := &scripted{}
		v := NewPipeline(Config{testRoute(t), d, &openGate{err: context.Canceled}, testPolicy, ValidationEnforce, nil}).Handle(t.Context(), m)
		if v.Outcome != HandedBack || len(d.requests) > 0 {
			t.Fatalf("%s after %d requests", v.Outcome, len(d.requests))
		}
	})
	for class, want := range map[Class]Outcome{ClassInterrupted: HandedBack, ClassDelivered: Delivered, ClassBackpressure: HandedBack, ClassMisconfigured: HandedBack} {
		t.Run("during a request that ends "+class.String(), func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			d := &scripted{answers: []Answer{answer(class, 1, 1)}, during: func(again func(context.Context) error) {
				stop()
				if err := again(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("again: %v", err)
				}
			}}
			v := NewPipeline(Config{testRoute(t), d, &openGate{}, testPolicy, ValidationEnforce, nil}).Handle(ctx, m)
			if v.Outcome != want {
				t.Fatalf("%s, want %s", v.Outcome, want)
			}
		})
	}
}

func TestValidationModes(t *testing.T) {
	noEnvelope := `{"type":"payment.success"}`
	badPayload := `{"type":"payment.success","event_id":"event-1","sent_at":"2026-01-02T03:04:05Z","payload":{}}`
	for _, tt := range []struct {
		name, body      string
		mode            Validation
		outcome         Outcome
		warning, reason string
	}{
		{"enforce, no envelope", noEnvelope, ValidationEnforce, DeadLettered, "", "event_id"},
		{"warn, no envelope", noEnvelope, ValidationWarn, DeadLettered, "", "event_id"},
		{"off, no envelope", noEnvelope, ValidationOff, DeadLettered, "", "event_id"},
		{"enforce, payload", badPayload, ValidationEnforce, DeadLettered, "", "/payload"},
		{"warn, payload", badPayload, ValidationWarn, Delivered, "/payload", ""},
		{"off, payload", badPayload, ValidationOff, Delivered, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &scripted{answers: []Answer{answer(ClassDelivered, 200, 1)}}
			p := NewPipeline(Config{testRoute(t), d, &openGate{}, testPolicy, tt.mode, nil})
			v := p.Handle(t.Context(), Message{Subject: "payments.success", Body: []byte(tt.body), Delivery: 1})
			if v.Outcome != tt.outcome || (v.Outcome == DeadLettered) != (v.Reason == Invalid) {
				t.Fatalf("%s %s, want %s", v.Outcome, v.Reason, tt.outcome)
			}
			if !strings.Contains(v.Warning, tt.warning) || (v.Warning == "") != (tt.warning == "") {
				t.Errorf("warning %q, want one of %q", v.Warning, tt.warning)
			}
			if !strings.Contains(v.Error, tt.reason) || (v.Error == "") != (tt.reason == "") {
				t.Errorf("error %q, want one of %q", v.Error, tt.reason)
			}
		})
	}
}

func TestSeverityFilter(t *testing.T) {
	for severity, want := range map[string]Outcome{"LOW": Filtered, "MEDIUM": Filtered, "HIGH": Delivered, "CRITICAL": Delivered} {
		t.Run(severity, func(t *testing.T) {
			route := testRoute(t)
			route.MinSeverity = SeverityHigh
			d := &scripted{answers: []Answer{answer(ClassDelivered, 200, 1)}}
			body := `{"type":"error.occurred","event_id":"e","sent_at":"2026-01-02T03:04:05Z","payload":{"error_id":"1","severity":"` +
				severity + `","message":"m","service":"s"}}`
			v := NewPipeline(Config{route, d, &openGate{}, testPolicy, ValidationEnforce, nil}).
				Handle(t.Context(), Message{Subject: "errors.occurred", Body: []byte(body), Delivery: 1})
			if v.Outcome != want {
				t.Fatalf("%s, want %s (%s)", v.Outcome, want, v.Error)
			}
		})
	}
	t.Run("no severity", func(t *testing.T) {
		route := testRoute(t)
		route.MinSeverity = SeverityHigh
		d := &scripted{answers: []Answer{answer(ClassDelivered, 200, 1)}}
		body := `{"type":"error.muted","event_id":"e","sent_at":"2026-01-02T03:04:05Z","payload":{}}`
		v := NewPipeline(Config{route, d, &openGate{}, testPolicy, ValidationEnforce, nil}).
			Handle(t.Context(), Message{Subject: "errors.muted", Body: []byte(body), Delivery: 1})
		if v.Outcome != Delivered {
			t.Fatalf("%s, want delivered (%s)", v.Outcome, v.Error)
		}
	})
}

// TestSeverityOfAnySpelling is a severity, where validation lets it through.
func TestSeverityOfAnySpelling(t *testing.T) {
	for severity, want := range map[string]Outcome{`"low"`: Filtered, `"Medium"`: Filtered, `"critical"`: Delivered, `"urgent"`: Delivered, `3`: Delivered} {
		route := testRoute(t)
		route.MinSeverity = SeverityHigh
		d := &scripted{answers: []Answer{answer(ClassDelivered, 200, 1)}}
		body := `{"type":"error.occurred","event_id":"e","sent_at":"2026-01-02T03:04:05Z","payload":{"severity":` + severity + `}}`
		v := NewPipeline(Config{route, d, &openGate{}, testPolicy, ValidationWarn, nil}).
			Handle(t.Context(), Message{Subject: "errors.occurred", Body: []byte(body), Delivery: 1})
		if v.Outcome != want {
			t.Errorf("%s: %s, want %s", severity, v.Outcome, want)
		}
	}
}

// TestInvalidEventKeepsItsIdentity, as far as that is valid: by it people look for it.
func TestInvalidEventKeepsItsIdentity(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"type":"payment.success","event_id":"e-1"}`:       {"payment.success", "e-1"},
		`{"type":"two words","event_id":"e-1","payload":1}`: {"", "e-1"},
		`{"event_id":7}`: {},
		`no JSON`:        {},
	} {
		v := NewPipeline(Config{testRoute(t), &scripted{}, &openGate{}, testPolicy, ValidationOff, nil}).
			Handle(t.Context(), Message{Subject: "payments.success", Body: []byte(body), Delivery: 1})
		if v.Outcome != DeadLettered || [2]string{v.Type, v.EventID} != want {
			t.Errorf("%s: %s %q %q, want %q", body, v.Outcome, v.Type, v.EventID, want)
		}
	}
}

// TestAgeGoesByTheServersClock, not by this machine's, which may be wrong.
func TestAgeGoesByTheServersClock(t *testing.T) {
	policy := testPolicy
	policy.GiveUpAfter = time.Hour
	published := time.Now().Add(-2 * time.Hour) // as this machine sees it
	v := NewPipeline(Config{testRoute(t), &scripted{answers: []Answer{answer(ClassFailed, 500, 1)}}, &openGate{}, policy, ValidationOff, func() time.Time {
		return published.Add(time.Minute)
	}}).Handle(t.Context(), Message{Subject: "payments.success", Body: []byte(`{"type":"t","event_id":"e","sent_at":"2026-01-02T03:04:05Z","payload":{}}`), Delivery: 1, Published: published})
	if v.Outcome != Retried {
		t.Errorf("%s (%s), want retried: the event is a minute old", v.Outcome, v.Reason)
	}
}

func TestRetryDelayFollowsTheScheduleWithJitter(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 30 * time.Second, 2: 2 * time.Minute, 3: 10 * time.Minute, 4: 10 * time.Minute, 400: 10 * time.Minute} {
		least, most := time.Duration(float64(want)*0.8), time.Duration(float64(want)*1.2)
		seen := map[time.Duration]bool{}
		for range 200 {
			d := testPolicy.Delay(n)
			if d < least || d > most {
				t.Fatalf("delay %d is %s, want %s to %s", n, d, least, most)
			}
			seen[d] = true
		}
		if len(seen) < 2 {
			t.Errorf("delay %d has no jitter", n)
		}
	}
}

func TestEvidenceMustBeYoungerThanThePreviousFailure(t *testing.T) {
	gate := &openGate{works: true}
	p := NewPipeline(Config{testRoute(t), &scripted{answers: []Answer{answer(ClassFailed, 500, 3)}}, gate, testPolicy, ValidationEnforce, nil})
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.Published = 4, time.Now().Add(-time.Hour)
	p.Handle(t.Context(), m)
	// The third delivery failed 10 min ago, or 8 with the jitter.
	if ago := time.Since(gate.since); ago < 8*time.Minute || ago > 8*time.Minute+time.Minute {
		t.Fatalf("evidence asked for since %s ago, want 8 minutes", ago)
	}
}

// TestEvidenceMustBeYoungerThanAnEarlyReturn: an event that was brought back before
// its delay was over has failed since its schedule says.
func TestEvidenceMustBeYoungerThanAnEarlyReturn(t *testing.T) {
	gate := &openGate{works: true}
	p := NewPipeline(Config{testRoute(t), &scripted{answers: []Answer{answer(ClassFailed, 500, 3), answer(ClassFailed, 500, 3)}}, gate, testPolicy, ValidationEnforce, nil})
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.Published = 4, time.Now().Add(-time.Hour)
	m.Since = time.Now().Add(-time.Minute)
	p.Handle(t.Context(), m)
	if !gate.since.Equal(m.Since) {
		t.Errorf("evidence asked for since %s, want since the route is served here, %s", gate.since, m.Since)
	}
	other := *p.Destination()
	redirected := time.Now()
	p.Redirect(&other)
	p.Handle(t.Context(), m)
	if gate.since.Before(redirected) {
		t.Errorf("evidence asked for since %s, want since the destination was replaced, %s", gate.since, redirected)
	}
}

func TestDurationLeavesOutWaitsAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := &openGate{wait: time.Minute}
		d := &scripted{answers: []Answer{answer(ClassDelivered, 200, 2)}, during: func(again func(context.Context) error) {
			time.Sleep(time.Second)
			if err := again(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}}
		v := NewPipeline(Config{testRoute(t), d, gate, testPolicy, ValidationEnforce, nil}).
			Handle(t.Context(), exampleMessage(t, "payment.success", "payments.success"))
		if v.Duration != 2*time.Second {
			t.Errorf("duration %s, want 2s", v.Duration)
		}
	})
}

func TestEventLostToAnotherReplicaIsNotPosted(t *testing.T) {
	for name, tt := range map[string]struct {
		lostAfter int // looks
		requests  int
	}{"before the first request": {0, 0}, "between two requests": {1, 1}} {
		t.Run(name, func(t *testing.T) {
			looks := 0
			d := &scripted{answers: []Answer{answer(ClassInterrupted, 500, 1)}, during: func(again func(context.Context) error) {
				if err := again(t.Context()); err == nil {
					t.Error("another request may be sent")
				}
			}}
			m := exampleMessage(t, "payment.success", "payments.success")
			m.Lost = func() bool { looks++; return looks > tt.lostAfter }
			gate := &openGate{}
			v := NewPipeline(Config{testRoute(t), d, gate, testPolicy, ValidationEnforce, nil}).Handle(t.Context(), m)
			if v.Outcome != HandedBack || len(d.requests) != tt.requests {
				t.Errorf("%s after %d requests", v.Outcome, len(d.requests))
			}
			if len(gate.left) != 1 || gate.left[0].Class != ClassInterrupted {
				t.Errorf("the gate learns %v", gate.left)
			}
		})
	}
}

func TestEventThatTheStreamWillTakeIsDeadLettered(t *testing.T) {
	m := exampleMessage(t, "payment.success", "payments.success")
	for name, tt := range map[string]struct {
		class Class
		want  Outcome
	}{"waiting": {0, DeadLettered}, "failing": {ClassInterrupted, DeadLettered}, "accepted after all": {ClassDelivered, Delivered}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			d := &scripted{answers: []Answer{answer(tt.class, 500, 1)}, during: func(func(context.Context) error) { cancel(ErrExpiring) }}
			if tt.class == 0 {
				cancel(ErrExpiring)
			}
			v := NewPipeline(Config{testRoute(t), d, &openGate{}, testPolicy, ValidationEnforce, nil}).Handle(ctx, m)
			if v.Outcome != tt.want || v.Outcome == DeadLettered && (v.Reason != Expired || v.Error == "") {
				t.Errorf("%s %s %q", v.Outcome, v.Reason, v.Error)
			}
		})
	}
}
