package report

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
)

var deadLettersOfPayments = topic{DeadLettered, "payments"}

func TestWhatIsReported(t *testing.T) {
	b := newBed(t)
	r := b.reporter(time.Hour)
	deadLetter(r, "payments", bridge.Invalid)
	deadLetter(r, "payments", bridge.Rejected)
	deadLetter(r, "payments", bridge.Invalid)
	r.Held([]string{"payments", "admin"}, "hook.example.com#3fa9c1", "misconfigured", 410)
	r.Recovered([]string{"admin", "payments"}, "hook.example.com#3fa9c1", 1500*time.Millisecond)
	begin := time.Now()
	b.run(r)() // whatever is not published by the loop is by the stop

	got := map[string]string{}
	for _, p := range b.published() {
		if since := p.payload.Since; since.After(begin) || begin.Sub(since) > testbed.Patience {
			t.Errorf("%s since %s, at %s", p.subject, since, begin)
		}
		text := string(p.event.Payload)
		got[p.subject] = strings.Replace(text, p.payload.Since.Format(time.RFC3339Nano), "SINCE", 1)
	}
	want := map[string]string{
		"admin.events.dead_lettered":  `{"route":"payments","count":3,"since":"SINCE","reasons":{"invalid":2,"rejected":1},"last_event_id":"event-1"}`,
		"admin.destination.held":      `{"route":"payments","count":1,"since":"SINCE","destination":"hook.example.com#3fa9c1","reason":"misconfigured","status":410}`,
		"admin.destination.recovered": `{"route":"payments","count":1,"since":"SINCE","destination":"hook.example.com#3fa9c1","held_ms":1500}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotReported(t *testing.T) {
	b := newBed(t)
	r := b.reporter(time.Hour)
	deadLetter(r, "admin", bridge.Rejected)
	r.Held([]string{"admin"}, "hook.example.com#3fa9c1", "misconfigured", 410)
	r.Recovered([]string{"admin"}, "hook.example.com#3fa9c1", time.Second)
	for _, subject := range []string{DeadLettered, DestinationHeld, DestinationRecovered} { // on a custom route
		r.Settled("audit", bridge.Message{Subject: subject}, bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected})
	}
	for _, o := range []bridge.Outcome{bridge.Delivered, bridge.Filtered, bridge.Retried, bridge.HandedBack} {
		r.Settled("payments", bridge.Message{Subject: "payments.success"}, bridge.Verdict{Outcome: o})
	}
	b.run(r)()
	if got := b.published(); len(got) > 0 {
		t.Errorf("reported %s", got[0].event.Payload)
	}
}

func TestNilReporterReportsNothing(t *testing.T) {
	var r *Reporter
	deadLetter(r, "payments", bridge.Invalid)
	r.Held([]string{"payments"}, "hook.example.com#3fa9c1", "failed", 500)
	r.Recovered([]string{"payments"}, "hook.example.com#3fa9c1", time.Second)
	r.Run(t.Context()) // returns
}

// TestAtMostOneAnIntervalWithATrueSum has three replicas dead-letter all the
// time.
func TestAtMostOneAnIntervalWithATrueSum(t *testing.T) {
	b := newBed(t)
	const interval, replicas, each = 300 * time.Millisecond, 3, 200
	var all sync.WaitGroup
	for range replicas {
		r := b.reporter(interval)
		b.run(r)
		all.Go(func() {
			for range each {
				deadLetter(r, "payments", bridge.Invalid)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	all.Wait()
	b.eventually("everything to be counted", func() bool { return b.counted() >= replicas*each })
	got := b.published()
	for i := 1; i < len(got); i++ {
		if gap := got[i].at.Sub(got[i-1].at); gap < interval {
			t.Errorf("two reports within %s", gap)
		}
	}
	if sum := b.counted(); sum != replicas*each || len(got) < 3 {
		t.Errorf("%d reports count %d, want %d", len(got), sum, replicas*each)
	}
	b.eventually("the topic to be at rest", func() bool { return b.record(deadLettersOfPayments).idle() })
	reasons := 0
	for _, p := range b.published() {
		reasons += p.payload.Reasons["invalid"]
	}
	if reasons != replicas*each {
		t.Errorf("reasons count %d", reasons)
	}
}

func TestTheFirstComesAtOnce(t *testing.T) {
	b := newBed(t)
	r := b.reporter(3 * testbed.Patience)
	b.run(r)
	deadLetter(r, "payments", bridge.Invalid)
	r.Held([]string{"payments", "messages"}, "hook.example.com#3fa9c1", "failed", 500)
	b.eventually("one of each", func() bool { return len(b.published()) == 3 })
}

func TestRestartKeepsWhatIsOwed(t *testing.T) {
	b := newBed(t)
	const interval = 8 * time.Second // within which the first is stopped
	first := b.reporter(interval)
	stop := b.run(first)
	deadLetter(first, "payments", bridge.Invalid)
	b.eventually("the first report", func() bool { return b.counted() == 1 })
	deadLetter(first, "payments", bridge.Expired)
	deadLetter(first, "payments", bridge.Expired)
	stop()
	if owed := b.record(deadLettersOfPayments).Owed; owed.Count != 2 || owed.Reasons["expired"] != 2 {
		t.Fatalf("owed is %+v", owed)
	}
	b.run(b.reporter(interval)) // it is told of nothing
	b.eventually("what is owed", func() bool { return len(b.published()) == 2 })
	got := b.published()
	if gap := got[1].at.Sub(got[0].at); got[1].payload.Count != 2 || gap < interval {
		t.Errorf("%s after %s", got[1].event.Payload, gap)
	}
}

// TestReportLeftBehindIsPublishedOnce: a replica was killed before, or just
// after, it published what it had taken on.
func TestReportLeftBehindIsPublishedOnce(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprint("stored already: ", stored), func(t *testing.T) {
			b := newBed(t)
			killed := b.reporter(time.Hour)
			deadLetter(killed, "payments", bridge.Invalid)
			b.steps(killed, 1)
			if stored {
				if err := killed.publish(t.Context(), deadLettersOfPayments, b.record(deadLettersOfPayments).Event); err != nil {
					t.Fatal(err)
				}
			}
			b.run(b.reporter(time.Hour))
			b.eventually("the topic to be at rest", func() bool { return b.record(deadLettersOfPayments).idle() })
			if got := b.published(); len(got) != 1 || got[0].payload.Count != 1 {
				t.Errorf("%d reports, %d counted", len(got), b.counted())
			}
		})
	}
}

// steps makes changes of the dead letters of payments one by one.
func (b *bed) steps(r *Reporter, n int) {
	b.t.Helper()
	if err := r.open(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	r.gather(deadLettersOfPayments)
	for range n {
		if _, err := r.step(b.t.Context(), deadLettersOfPayments); err != nil {
			b.t.Fatal(err)
		}
	}
}

// deaf is a bucket whose answers are lost: what it is asked happens.
type deaf struct{ jetstream.KeyValue }

func (d deaf) Create(ctx context.Context, key string, value []byte, o ...jetstream.KVCreateOpt) (uint64, error) {
	_, _ = d.KeyValue.Create(ctx, key, value, o...)
	return 0, jetstream.ErrNoStreamResponse
}

func (d deaf) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	_, _ = d.KeyValue.Update(ctx, key, value, revision)
	return 0, jetstream.ErrNoStreamResponse
}

func TestShareWhoseAnswerWasLostCountsOnce(t *testing.T) {
	b := newBed(t)
	other, r := b.reporter(time.Hour), b.reporter(time.Hour)
	deadLetter(other, "payments", bridge.Invalid)
	b.steps(other, 3) // from here on the topic is not due for an hour
	if err := r.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadLetter(r, "payments", bridge.Invalid)
	heard := r.bucket
	r.bucket = deaf{heard}
	if err := r.flush(t.Context(), false); err == nil {
		t.Fatal("the lost answer is no error")
	}
	r.bucket = heard
	deadLetter(other, "payments", bridge.Invalid) // written over it meanwhile
	b.steps(other, 1)
	deadLetter(r, "payments", bridge.Invalid)
	for range 2 { // the share of before, then the new one
		if err := r.flush(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	if owed := b.record(deadLettersOfPayments).Owed; owed.Count != 3 || b.counted() != 1 {
		t.Errorf("%d owed, want 3; %d published, want 1", owed.Count, b.counted())
	}
}

func TestReportThatCannotBePublishedIsKept(t *testing.T) {
	b := newBed(t)
	if err := b.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	const interval = 200 * time.Millisecond
	r := b.reporter(interval)
	stop := b.run(r)
	deadLetter(r, "payments", bridge.Invalid)
	b.eventually("the trouble to be told", func() bool { return strings.Contains(b.log.String(), "reports to admin are late") })
	deadLetter(r, "payments", bridge.Invalid)
	b.eventually("the second to be safe", func() bool { return b.record(deadLettersOfPayments).Owed.Count == 1 })
	deadLetter(r, "payments", bridge.Invalid)
	stop() // adds the third
	b.createStream()
	b.run(b.reporter(interval))
	b.eventually("all to be counted", func() bool { return b.counted() >= 3 })
	if got := b.published(); b.counted() != 3 || len(got) != 2 || got[1].at.Sub(got[0].at) < interval {
		t.Errorf("%d reports count %d", len(got), b.counted())
	}
}

func TestRecordOfAnotherClockDoesNotSilenceForLong(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		published time.Time
		wait      time.Duration
	}{
		"never":                  {time.Time{}, 0},
		"just now":               {now, time.Minute},
		"the clocks differ some": {now.Add(time.Second), 61 * time.Second},
		"a minute ago":           {now.Add(-time.Minute), 0},
		"a year ahead":           {now.AddDate(1, 0, 0), 0},
	} {
		if wait := max(0, record{Published: c.published}.due(now, time.Minute).Sub(now)); wait != c.wait {
			t.Errorf("%s: due in %s, want %s", name, wait, c.wait)
		}
	}
}

func TestReportsAreEvents(t *testing.T) {
	c := record{Owed: tally{Count: 2, Since: time.Now()}}
	next, err := c.sending(topic{DestinationHeld, "a-1"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := schemas.Decode(next.Event)
	if err != nil || e.Type != "admin.destination.held" || !next.Owed.empty() {
		t.Errorf("%s, %v, owed %d", next.Event, err, next.Owed.Count)
	}
	if back, ok := topicOf("report.held.a-1"); !ok || back != (topic{DestinationHeld, "a-1"}) || back.key() != "report.held.a-1" {
		t.Errorf("topic %v", back)
	}
	if _, ok := topicOf("report.unheard.a-1"); ok {
		t.Error("a topic of another version is known")
	}
}
