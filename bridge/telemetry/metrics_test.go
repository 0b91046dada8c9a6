package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/makebridge/makebridge/bridge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scrape returns the samples whose name and labels match.
func scrape(t *testing.T, m *Metrics, pattern string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	match := regexp.MustCompile("^(" + pattern + ")")
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if match.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func expect(t *testing.T, m *Metrics, pattern string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, scrape(t, m, pattern)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", pattern, diff)
	}
}

func TestEventsAreCountedByWhatBecameOfThem(t *testing.T) {
	m := NewMetrics(MetricsConfig{Version: "1.2.3", Routes: []string{"payments"}})
	for _, v := range []bridge.Verdict{
		{Outcome: bridge.Delivered}, {Outcome: bridge.Delivered}, {Outcome: bridge.Filtered}, {Outcome: bridge.Retried},
		{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}, {Outcome: bridge.DeadLettered, Reason: bridge.Crashed},
		{Outcome: bridge.HandedBack},
	} {
		m.Settled("payments", bridge.Message{}, v)
		m.Settled("a route that nobody has", bridge.Message{}, v)
	}
	expect(t, m, "makebridge_events_total",
		`makebridge_events_total{outcome="dead_lettered",route="payments"} 2`,
		`makebridge_events_total{outcome="delivered",route="payments"} 2`,
		`makebridge_events_total{outcome="filtered",route="payments"} 1`,
		`makebridge_events_total{outcome="retried",route="payments"} 1`)
	expect(t, m, "makebridge_dead_letters_total",
		`makebridge_dead_letters_total{reason="crashed",route="payments"} 1`,
		`makebridge_dead_letters_total{reason="exhausted",route="payments"} 0`,
		`makebridge_dead_letters_total{reason="expired",route="payments"} 0`,
		`makebridge_dead_letters_total{reason="invalid",route="payments"} 0`,
		`makebridge_dead_letters_total{reason="rejected",route="payments"} 1`)
	expect(t, m, "makebridge_build_info", `makebridge_build_info{version="1.2.3"} 1`)
}

func TestRequestsAreCountedWhileTheyAreInFlightAndAfterwards(t *testing.T) {
	published := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := NewMetrics(MetricsConfig{Routes: []string{"payments"}, Now: func() time.Time { return published.Add(90 * time.Second) }})
	r := bridge.Request{Route: "payments", Published: published}

	m.Sending(r)
	m.Sending(r)
	m.Sending(bridge.Request{Route: "a route that nobody has"})
	expect(t, m, "makebridge_in_flight", `makebridge_in_flight{route="payments"} 2`)
	m.Answered(r, "503", bridge.Answer{Class: bridge.ClassFailed}, 700*time.Millisecond)
	m.Answered(r, "202", bridge.Answer{Class: bridge.ClassDelivered}, 20*time.Second)
	m.Answered(bridge.Request{Route: "a route that nobody has"}, "200", bridge.Answer{}, 0)

	expect(t, m, "makebridge_in_flight", `makebridge_in_flight{route="payments"} 0`)
	expect(t, m, "makebridge_http_requests_total",
		`makebridge_http_requests_total{code="200",route="payments"} 0`,
		`makebridge_http_requests_total{code="202",route="payments"} 1`,
		`makebridge_http_requests_total{code="503",route="payments"} 1`,
		`makebridge_http_requests_total{code="error",route="payments"} 0`,
		`makebridge_http_requests_total{code="timeout",route="payments"} 0`)
	expect(t, m, `makebridge_http_request_duration_seconds_(sum|count|bucket.*le="(0.5|1|10|20)")`,
		`makebridge_http_request_duration_seconds_bucket{route="payments",le="0.5"} 0`,
		`makebridge_http_request_duration_seconds_bucket{route="payments",le="1"} 1`,
		`makebridge_http_request_duration_seconds_bucket{route="payments",le="10"} 1`,
		`makebridge_http_request_duration_seconds_bucket{route="payments",le="20"} 2`,
		`makebridge_http_request_duration_seconds_sum{route="payments"} 20.7`,
		`makebridge_http_request_duration_seconds_count{route="payments"} 2`)
	expect(t, m, "makebridge_delivery_latency_seconds_(sum|count)", // of what was delivered only
		`makebridge_delivery_latency_seconds_sum{route="payments"} 90`,
		`makebridge_delivery_latency_seconds_count{route="payments"} 1`)
}

func TestWaitsForThePaceAddUp(t *testing.T) {
	m := NewMetrics(MetricsConfig{Routes: []string{"payments", "errors"}})
	m.Paced("payments")(1500 * time.Millisecond)
	m.Paced("payments")(time.Second)
	m.Paced("a route that nobody has")(time.Second)
	expect(t, m, "makebridge_rate_limit_wait",
		`makebridge_rate_limit_wait_seconds_total{route="errors"} 0`,
		`makebridge_rate_limit_wait_seconds_total{route="payments"} 2.5`)
}

func TestStateIsAskedForAtEachScrape(t *testing.T) {
	u, err := bridge.ParseWebhookURL("https://hook.example.com/canary", false)
	if err != nil {
		t.Fatal(err)
	}
	held, connected, dropped := "misconfigured", true, uint64(7)
	m := NewMetrics(MetricsConfig{
		Routes: []string{"payments"},
		Destination: func(string) *bridge.Destination {
			return &bridge.Destination{URL: u, Limit: bridge.Limit{Requests: 300, Window: 10 * time.Second}}
		},
		Held:            func(string) string { return held },
		Connected:       func() bool { return connected },
		Ordered:         func() []Ordered { return []Ordered{{Route: "payments", Owner: true}} },
		ReceiptsDropped: func() uint64 { return dropped },
	})
	const state = "makebridge_(destination|nats|receipts|route|rate_limit_requests)"
	expect(t, m, state,
		`makebridge_destination_held{reason="backpressure",route="payments"} 0`,
		`makebridge_destination_held{reason="failed",route="payments"} 0`,
		`makebridge_destination_held{reason="misconfigured",route="payments"} 1`,
		`makebridge_destination_held{reason="unknown",route="payments"} 0`,
		`makebridge_destination_info{destination="`+u.String()+`",route="payments"} 1`,
		`makebridge_nats_connected 1`,
		`makebridge_rate_limit_requests_per_second{route="payments"} 30`,
		`makebridge_receipts_dropped_total 7`,
		`makebridge_route_full{route="payments"} 0`,
		`makebridge_route_owner{route="payments"} 1`)
	held, connected, dropped = "a reason of another version", false, 8
	expect(t, m, "makebridge_(destination_held.* 1|nats|receipts)",
		`makebridge_destination_held{reason="unknown",route="payments"} 1`,
		`makebridge_nats_connected 0`,
		`makebridge_receipts_dropped_total 8`)
	held = ""
	expect(t, m, "makebridge_destination_held.* 1")
	if text := strings.Join(scrape(t, m, ""), "\n"); strings.Contains(text, "canary") {
		t.Error("the address of a webhook shows")
	}
}

func TestWhatNobodyFeedsIsNotExposed(t *testing.T) {
	m := NewMetrics(MetricsConfig{Routes: []string{"payments"}})
	m.Run(t.Context())
	expect(t, m, "makebridge_(destination|nats|receipts|route|rate_limit_req|pending|parked|oldest|backlog|ack|max)")
}

// TestBacklogThatCannotBeReadIsNotShownForLong: a number that is old would be
// taken for the truth.
func TestBacklogThatCannotBeReadIsNotShownForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expires := 90 * time.Minute
		all := []Backlog{
			{Route: "payments", Pending: 3, Parked: 4, AckPending: 5, MaxAckPending: 20000, OldestAge: 90 * time.Second, OldestExpires: &expires},
			{Route: "errors", MaxAckPending: -1},
		}
		type reading struct {
			rows []Backlog
			err  error
		}
		var next atomic.Pointer[reading]
		next.Store(&reading{all, nil})
		m := NewMetrics(MetricsConfig{Backlog: func(context.Context) ([]Backlog, error) { return next.Load().rows, next.Load().err }})
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 0`)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		synctest.Wait()
		expect(t, m, "makebridge_(pending|parked|oldest|ack|max|backlog)",
			`makebridge_ack_pending{route="errors"} 0`,
			`makebridge_ack_pending{route="payments"} 5`,
			`makebridge_backlog_up 1`,
			`makebridge_max_ack_pending{route="payments"} 20000`,
			`makebridge_oldest_expires_in_seconds{route="payments"} 5400`,
			`makebridge_oldest_pending_age_seconds{route="errors"} 0`,
			`makebridge_oldest_pending_age_seconds{route="payments"} 90`,
			`makebridge_parked{route="errors"} 0`,
			`makebridge_parked{route="payments"} 4`,
			`makebridge_pending{route="errors"} 0`,
			`makebridge_pending{route="payments"} 3`)

		trouble := errors.New("no answer")
		next.Store(&reading{nil, trouble})
		time.Sleep(backlogEvery + time.Second)
		expect(t, m, `makebridge_(backlog|pending.*pay)`, `makebridge_backlog_up 0`, `makebridge_pending{route="payments"} 3`)
		time.Sleep(backlogLife)
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 0`)

		next.Store(&reading{all[:1], trouble}) // the other route cannot be read
		time.Sleep(backlogEvery)
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 0`, `makebridge_pending{route="payments"} 3`)
		next.Store(&reading{all, nil})
		time.Sleep(backlogEvery)
		expect(t, m, "makebridge_(backlog|pending.*err)", `makebridge_backlog_up 1`, `makebridge_pending{route="errors"} 0`)
		stop()
		<-done
	})
}

// lineCount counts the lines of a log.
type lineCount struct{ atomic.Int64 }

func (c *lineCount) Write(line []byte) (int, error) {
	c.Add(1)
	return len(line), nil
}

// TestBacklogIsReadSoonAfterTheStart: the bridge itself may have to create the
// stream, and that is no trouble to speak of.
func TestBacklogIsReadSoonAfterTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lineCount
		var found atomic.Bool
		m := NewMetrics(MetricsConfig{Logger: NewLogger(&log, slog.LevelInfo, FormatText), Backlog: func(context.Context) ([]Backlog, error) {
			if !found.Load() {
				return nil, errors.New("stream not found")
			}
			return []Backlog{{Route: "payments"}}, nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		time.Sleep(5 * time.Second)
		found.Store(true)
		time.Sleep(2 * time.Second)
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 1`, `makebridge_pending{route="payments"} 0`)
		found.Store(false)
		time.Sleep(backlogLife - backlogEvery)
		if n := log.Load(); n > 0 {
			t.Errorf("logged %d lines before anything was missing", n)
		}
		time.Sleep(5 * backlogLife)
		if n := log.Load(); n != 1 {
			t.Errorf("logged %d lines, want 1", n)
		}
		stop()
		<-done
	})
}

// TestConsumerThatIsMissingOnceIsNoTroubleToSpeakOf: its route is being bound. One that
// stays missing is.
func TestConsumerThatIsMissingOnceIsNoTroubleToSpeakOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lineCount
		var missing atomic.Bool
		missing.Store(true)
		m := NewMetrics(MetricsConfig{Logger: NewLogger(&log, slog.LevelInfo, FormatText), Backlog: func(context.Context) ([]Backlog, error) {
			if missing.Load() {
				return []Backlog{{Route: "payments"}}, errors.New("consumer not found")
			}
			return []Backlog{{Route: "payments"}, {Route: "errors"}}, nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		time.Sleep(time.Second)
		missing.Store(false)
		expect(t, m, "makebridge_backlog", `makebridge_backlog_up 0`)
		time.Sleep(2 * backlogEvery)
		expect(t, m, "makebridge_backlog", `makebridge_backlog_up 1`)
		if n := log.Load(); n > 0 {
			t.Errorf("logged %d lines of a consumer that was missing once", n)
		}
		missing.Store(true)
		time.Sleep(3 * backlogEvery)
		if n := log.Load(); n != 1 {
			t.Errorf("logged %d lines of a consumer that stays missing, want 1", n)
		}
		stop()
		<-done
	})
}

// TestBacklogIsNotReadWhileNobodyScrapes: an idle bridge that nobody looks at
// asks nothing, and the first look after that shows what is true then.
func TestBacklogIsNotReadWhileNobodyScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		m := NewMetrics(MetricsConfig{Backlog: func(context.Context) ([]Backlog, error) {
			time.Sleep(time.Second)
			return []Backlog{{Route: "payments", Pending: uint64(reads.Add(1))}}, nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		time.Sleep(time.Hour)
		if n := reads.Load(); n != 1 {
			t.Errorf("read %d times in an hour without a scrape, want once", n)
		}
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 1`, `makebridge_pending{route="payments"} 2`)
		time.Sleep(backlogRest / 2)
		if n := reads.Load(); n < 4 {
			t.Errorf("read %d times half a minute after a scrape, want every %s", n, backlogEvery)
		}
		time.Sleep(time.Hour)
		after := reads.Load()
		time.Sleep(time.Hour)
		if n := reads.Load(); n != after {
			t.Errorf("read %d more times, want none", n-after)
		}
		stop()
		<-done
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 1`) // nothing waits for what never comes
	})
}

// TestScrapeWaitsNoLongerThanItMay for a reading that takes its time.
func TestScrapeWaitsNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		m := NewMetrics(MetricsConfig{Backlog: func(ctx context.Context) ([]Backlog, error) {
			if slow.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []Backlog{{Route: "payments"}}, nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		time.Sleep(time.Hour)
		slow.Store(true)
		begin := time.Now()
		expect(t, m, "makebridge_(backlog|pending)", `makebridge_backlog_up 1`)
		if took := time.Since(begin); took != backlogAwait {
			t.Errorf("the scrape took %s, want %s", took, backlogAwait)
		}
		stop()
		<-done
	})
}

// BenchmarkEvent is what metrics cost an event that is delivered with one
// request.
func BenchmarkEvent(b *testing.B) {
	m := NewMetrics(MetricsConfig{Routes: []string{"payments", "errors"}})
	r := bridge.Request{Route: "payments", Published: time.Now()}
	a := bridge.Answer{Class: bridge.ClassDelivered, Status: 200}
	v := bridge.Verdict{Outcome: bridge.Delivered}
	paced := m.Paced("payments")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			paced(time.Millisecond)
			m.Sending(r)
			m.Answered(r, "200", a, 50*time.Millisecond)
			m.Settled("payments", bridge.Message{}, v)
		}
	})
}
