package trace

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
)

func decodeID(body []byte) (string, error) {
	e, err := schemas.Decode(body)
	if err != nil {
		return "", err
	}
	return e.ID, nil
}

// TestWhatBecameOfAnEvent has a bridge give the verdict, and write the receipts
// and the letters itself.
func TestWhatBecameOfAnEvent(t *testing.T) {
	t.Parallel()
	step := func(outcome string, v bridge.Verdict) []Step {
		return []Step{{
			Outcome: outcome, Status: v.Status, Attempts: v.Attempts, DurationMS: v.Duration.Milliseconds(), Delivery: 1, Replica: "replica-1",
			DelayMS: v.Delay.Milliseconds(), Error: v.Error,
		}}
	}
	posted := bridge.Verdict{Status: 200, Attempts: 2, Duration: 1500 * time.Millisecond}
	with := func(change func(*bridge.Verdict)) bridge.Verdict { v := posted; change(&v); return v }
	delivered := with(func(v *bridge.Verdict) { v.Outcome = bridge.Delivered })
	filtered := bridge.Verdict{Outcome: bridge.Filtered}
	retried := with(func(v *bridge.Verdict) {
		v.Outcome, v.Status, v.Delay, v.Error = bridge.Retried, 500, time.Hour, "HTTP 500"
	})
	rejected := with(func(v *bridge.Verdict) {
		v.Outcome, v.Status, v.Reason, v.Error = bridge.DeadLettered, 422, bridge.Rejected, "HTTP 422: no"
	})
	rejectedSteps := step("dead_lettered", rejected)
	rejectedSteps[0].Reason, rejectedSteps[0].Error = "rejected", ""
	const missing = "how is not known: the receipt of it is missing"
	for name, tt := range map[string]struct {
		verdict  bridge.Verdict
		state    State
		receipts bool
		want     Route
	}{
		"delivered":     {delivered, Delivered, true, Route{Steps: step("delivered", delivered)}},
		"filtered":      {filtered, Filtered, true, Route{Steps: step("filtered", filtered)}},
		"put off":       {retried, PutOff, true, Route{Steps: step("retried", retried)}},
		"dead-lettered": {rejected, DeadLettered, true, Route{Reason: "rejected", Error: "HTTP 422: no", Letter: 1, Steps: rejectedSteps}},

		"delivered without receipts":     {delivered, Settled, false, Route{Note: missing, Steps: []Step{}}},
		"put off without receipts":       {retried, PutOff, false, Route{Steps: []Step{}}},
		"dead-lettered without receipts": {rejected, DeadLettered, false, Route{Reason: "rejected", Error: "HTTP 422: no", Letter: 1, Steps: []Step{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			if tt.receipts {
				b.withReceipts()
			}
			b.run(verdict(tt.verdict))
			id := newID()
			sequence := b.publish(id)
			got := b.becomes(id, tt.state, len(tt.want.Steps))
			tt.want.Name, tt.want.State = "payments", tt.state
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Step{}, "At"), cmpopts.IgnoreFields(Route{}, "Until")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if off := time.Until(got.Until); (tt.state == PutOff) != (off > 55*time.Minute && off < 65*time.Minute) {
				t.Errorf("until %s", got.Until)
			}
			for _, s := range got.Steps {
				if d := time.Since(s.At); d < 0 || d > testbed.Patience {
					t.Errorf("happened at %s", s.At)
				}
			}
			whole := b.read(id)
			p := whole.Publishes[0]
			if whole.Type != "payment.refunded" || p.Sequence != sequence || p.Subject != "payments.refunded" || !p.Stored || p.ReplayOf != "" ||
				time.Since(p.PublishedAt) > testbed.Patience || !p.ExpiresAt.Equal(p.PublishedAt.Add(720*time.Hour)) {
				t.Errorf("%+v", whole)
			}
			if unknown := strings.Join(whole.Unknown, "\n"); tt.receipts != (unknown == "") || !tt.receipts && !strings.Contains(unknown, "EVENTS_RECEIPTS does not exist") {
				t.Errorf("not known: %s", unknown)
			}
		})
	}
}

func TestEventInHand(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	stop := b.run(func(ctx context.Context, _ bridge.Message) bridge.Verdict {
		<-ctx.Done()
		return bridge.Verdict{Outcome: bridge.HandedBack}
	})
	id := newID()
	b.publish(id)
	if got := b.becomes(id, InHand, 0); got.Note == "" {
		t.Errorf("%+v: it might have been settled without a receipt", got)
	}
	stop()
}

// TestHoldIsTold of what is not settled, and asked for once.
func TestHoldIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	for _, name := range []string{"payments", "other"} {
		b.provision(b.route(name))
	}
	asked := 0
	held, err := map[string]Hold{"payments": {Reason: "misconfigured"}}, error(nil)
	b.config.Holds = func(context.Context) (map[string]Hold, error) { asked++; return held, err }
	id := newID()
	b.publish(id)
	got := b.read(id)
	if r := got.Publishes[0].Routes; asked != 1 || r[0].Hold != nil || r[1].Hold == nil || r[1].Hold.Reason != "misconfigured" || len(got.Unknown) > 0 {
		t.Errorf("asked %d times, %+v", asked, got)
	}
	held, err = nil, errors.New("not allowed")
	if got := b.read(id); len(got.Unknown) != 1 || got.Unknown[0] != "whether it waits behind a hold: not allowed" || asked != 2 {
		t.Errorf("asked %d times, %+v", asked, got)
	}
	stop := b.run(verdict(bridge.Verdict{Outcome: bridge.Delivered}), "other")
	b.eventually(id, func(got *Trace) bool {
		r := got.Publishes[0].Routes
		return r[0].State == Delivered && r[1].State == Delivered
	})
	stop()
	if asked = 0; len(b.read(id).Unknown) > 0 || asked > 0 {
		t.Errorf("asked %d times for what is settled", asked)
	}
}

// TestWaitingEventIsFound whatever its id says of when it was made.
func TestWaitingEventIsFound(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	b.provision(b.route("payments"))
	young := b.route("young")
	for range 2000 {
		b.publish(newID())
	}
	young.Start.New = true
	ids := []string{newID(), "order-4711"}
	for _, id := range ids {
		b.publish(id)
	}
	b.provision(young)
	for _, id := range ids {
		routes := b.read(id).Publishes[0].Routes
		if len(routes) != 2 || routes[0].State != Waiting || routes[1].State != NotTaken || !strings.Contains(routes[1].Note, "begins later") {
			t.Errorf("%s: %+v", id, routes)
		}
	}
	b.config.Since = time.Now().Add(time.Hour)
	for _, id := range ids {
		if _, err := Read(t.Context(), b.config, id); !errors.As(err, new(*UnknownError)) {
			t.Errorf("%s was found before --since: %v", id, err)
		}
	}
}

// TestEveryRouteIsToldOf reads on after the first has settled it.
func TestEveryRouteIsToldOf(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	b.run(verdict(bridge.Verdict{Outcome: bridge.Delivered}), "audit", "crm")
	id := newID()
	b.publish(id)
	b.eventually(id, func(got *Trace) bool {
		n := 0
		for _, r := range got.Publishes[0].Routes {
			if r.State == Delivered {
				n++
			}
		}
		return n == 3
	})
}

func TestRouteThatIsOffTakesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	id := newID()
	b.publish(id)
	if got := b.read(id).Publishes[0].Routes; got == nil || len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

// TestReplayIsToldOfByItself with and without receipts, and with all that
// receipts tell of the event itself read before those of the replay.
func TestReplayIsToldOfByItself(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		receipts bool
		others   int // routes that the event waits for
		want     State
	}{
		"receipts of both":           {true, 1, Delivered},
		"receipts of the event only": {true, 0, Delivered},
		"no receipts":                {false, 1, Settled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			if tt.receipts {
				b.withReceipts()
			}
			if tt.others > 0 {
				b.provision(b.route("other"))
			}
			b.run(verdict(bridge.Verdict{Outcome: bridge.Delivered, Status: 200}))
			id := newID()
			b.publish(id)
			b.eventually(id, func(got *Trace) bool {
				return len(got.Publishes[0].Routes) == tt.others+1 && got.Publishes[0].Routes[tt.others].State == tt.want
			})
			b.publishOn("redeliver.payments.payments.refunded", newID(), newID()) // of another event
			second := b.publishOn("redeliver.payments.payments.refunded", id, newID())
			got := b.eventually(id, func(got *Trace) bool {
				return len(got.Publishes) == 2 && len(got.Publishes[1].Routes) == 1 && got.Publishes[1].Routes[0].State == tt.want
			})
			event, replay := got.Publishes[0], got.Publishes[1]
			if event.ReplayOf != "" || len(event.Routes) != tt.others+1 || tt.others > 0 && event.Routes[0].State != Waiting {
				t.Errorf("the event: %+v", event)
			}
			if replay.ReplayOf != "payments" || replay.Sequence != second || replay.Subject != "payments.refunded" || replay.Routes[0].Name != "payments" {
				t.Errorf("the replay: %+v", replay)
			}
			if tt.receipts && len(replay.Routes[0].Steps) != 1 {
				t.Errorf("the replay: %+v", replay)
			}
		})
	}
}

// TestEventThatIsGone is told of as its receipts have it, and so is a letter.
func TestEventThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	b.run(verdict(bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Expired, Error: "too late"}))
	id := newID()
	sequence := b.publish(id)
	b.becomes(id, DeadLettered, 1)
	before := b.read(id).Publishes[0]
	for _, name := range []string{"EVENTS", "EVENTS_DLQ"} {
		s, err := b.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := b.read(id).Publishes[0]
	if got.Stored || got.Sequence != sequence || got.Subject != "payments.refunded" || !got.PublishedAt.Equal(before.PublishedAt) || !got.ExpiresAt.IsZero() {
		t.Errorf("%+v", got)
	}
	r := got.Routes[0]
	if r.State != DeadLettered || r.Reason != "expired" || r.Error != "too late" || r.Letter != 0 || !strings.Contains(r.Note, "not in EVENTS_DLQ any more") {
		t.Errorf("%+v", r)
	}
}

// TestEventOfAStreamThatWasDeleted is not taken for the one that has its
// sequence now.
func TestEventOfAStreamThatWasDeleted(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	stop := b.run(verdict(bridge.Verdict{Outcome: bridge.Delivered}))
	first := newID()
	b.publish(first)
	b.becomes(first, Delivered, 1)
	stop()
	if err := b.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	b.settings.Receipts = "EVENTS_RECEIPTS"
	newStream, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>", "redeliver.>"}})
	if err != nil {
		t.Fatal(err)
	}
	b.publish(newID())
	if newStream.CachedInfo().Created.IsZero() {
		t.Fatal("not created")
	}
	if got := b.read(first); len(got.Publishes) != 1 || got.Publishes[0].Stored || got.Type != "" || got.Publishes[0].Routes[0].State != Delivered {
		t.Errorf("%+v", got)
	}
}

func TestUnknownEvent(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	b.publish(newID())
	for _, id := range []string{newID(), "order-4711"} {
		_, err := Read(t.Context(), b.config, id)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || unknown.Read != 1 || !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
	const events = 200
	for range events {
		b.publish(newID())
	}
	old := uuid.Must(uuid.NewV7())
	old[1]-- // by two years
	var unknown *UnknownError
	if _, err := Read(t.Context(), b.config, old.String()); !errors.As(err, &unknown) || unknown.Read >= events {
		t.Errorf("read far beyond the time in the id: %v", err)
	}
	b.config.Stream = "NOTHING"
	if _, err := Read(t.Context(), b.config, newID()); err == nil || !strings.Contains(err.Error(), "BRIDGE_STREAM") {
		t.Errorf("%v", err)
	}
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const events = 5000
	for i := range events {
		if _, err := b.js.PublishAsync("payments.refunded", nil, jetstream.WithStallWait(testbed.Patience)); err != nil {
			t.Fatal(i, err)
		}
	}
	<-b.js.PublishAsyncComplete()
	told := uint64(0)
	b.config.Progress = func(read, total uint64) {
		if read <= told || total != events {
			t.Errorf("read %d of %d", read, total)
		}
		told = read
	}
	var unknown *UnknownError
	if _, err := Read(t.Context(), b.config, "order-4711"); !errors.As(err, &unknown) || unknown.Read != events || told == 0 {
		t.Errorf("told of %d: %v", told, err)
	}
}

// TestPausedConsumer is told where it keeps an event waiting.
func TestPausedConsumer(t *testing.T) {
	b := newBed(t)
	b.provision(b.route("payments"))
	b.publish("event-1")
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s, err := b.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PauseConsumer(t.Context(), "payments", until); err != nil {
		t.Fatal(err)
	}
	if r := b.read("event-1").Publishes[0].Routes[0]; r.State != Waiting || !r.PausedUntil.Equal(until) {
		t.Errorf("%+v, paused until %s", r, until)
	}
	if _, err := s.ResumeConsumer(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if r := b.read("event-1").Publishes[0].Routes[0]; !r.PausedUntil.IsZero() {
		t.Errorf("%+v", r)
	}
}
