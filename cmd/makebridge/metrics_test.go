package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/standin"
)

// metrics returns the samples that /metrics has now.
func (p *program) metrics() string {
	p.t.Helper()
	status, body := p.health("/metrics")
	if status != http.StatusOK {
		p.t.Fatalf("/metrics: %d %s", status, body)
	}
	return body
}

// TestMetricsAreThoseThatAreDocumented: dashboards and alerts are written
// against these names and labels.
func TestMetricsAreThoseThatAreDocumented(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("payments", standin.Status(500), standin.StatusWith(422, nil, ""))
	p := w.start("MAKE_WEBHOOK_ERRORS_URL="+w.makecom.URL("errors"), "MAKE_WEBHOOK_ERRORS_ORDERING=key")
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
	w.publish("payments.success", paymentEvent("event-2"))
	w.settled("payments")
	w.eventually("the backlog", func() bool {
		return strings.Contains(p.metrics(), "\nmakebridge_backlog_up 1\n") &&
			strings.Contains(p.metrics(), "\nmakebridge_route_owner{route=\"errors\"} 1\n")
	})

	labels := map[string]string{} // by metric
	for _, m := range regexp.MustCompile(`(?m)^(makebridge_[a-z_]+)(?:\{(.*)\})? `).FindAllStringSubmatch(p.metrics(), -1) {
		labels[m[1]] = regexp.MustCompile(`="[^"]*"`).ReplaceAllString(m[2], "")
	}
	want := map[string]string{
		"makebridge_events_total":                         "outcome,route",
		"makebridge_dead_letters_total":                   "reason,route",
		"makebridge_http_requests_total":                  "code,route",
		"makebridge_http_request_duration_seconds_bucket": "route,le",
		"makebridge_http_request_duration_seconds_sum":    "route",
		"makebridge_http_request_duration_seconds_count":  "route",
		"makebridge_delivery_latency_seconds_bucket":      "route,le",
		"makebridge_delivery_latency_seconds_sum":         "route",
		"makebridge_delivery_latency_seconds_count":       "route",
		"makebridge_in_flight":                            "route",
		"makebridge_destination_held":                     "reason,route",
		"makebridge_destination_info":                     "destination,route",
		"makebridge_rate_limit_wait_seconds_total":        "route",
		"makebridge_rate_limit_requests_per_second":       "route",
		"makebridge_nats_connected":                       "",
		"makebridge_pending":                              "route",
		"makebridge_parked":                               "route",
		"makebridge_oldest_pending_age_seconds":           "route",
		"makebridge_ack_pending":                          "route",
		"makebridge_max_ack_pending":                      "route",
		"makebridge_backlog_up":                           "",
		"makebridge_route_owner":                          "route",
		"makebridge_route_full":                           "route",
		"makebridge_receipts_dropped_total":               "",
		"makebridge_build_info":                           "version",
	}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Errorf("labels by metric (-want +got):\n%s", diff)
	}
}

// TestMetricsCountWhatHappens takes events along every way they can go.
func TestMetricsCountWhatHappens(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	gate := standin.NewGate()
	w.makecom.Script("payments", standin.Status(500), standin.Status(500), standin.Reset(), standin.StatusWith(422, nil, ""), gate.Then(standin.Accept()))
	w.makecom.Default("errors", standin.StatusWith(410, nil, ""))
	p := w.start("MAKE_WEBHOOK_ERRORS_URL="+w.makecom.URL("errors"), "MAKE_WEBHOOK_MESSAGES_URL="+w.makecom.URL("payments"),
		"BRIDGE_HOLD_AFTER=100", "BRIDGE_RATE_LIMIT=1000/10s")
	shows := func(samples ...string) {
		t.Helper()
		w.eventually(strings.Join(samples, ", "), func() bool {
			now := p.metrics()
			for _, s := range samples {
				if !strings.Contains(now, "\n"+s+"\n") {
					return false
				}
			}
			return true
		})
	}

	w.publish("payments.success", paymentEvent("event-1"))
	shows(`makebridge_events_total{outcome="retried",route="payments"} 1`,
		`makebridge_events_total{outcome="dead_lettered",route="payments"} 1`,
		`makebridge_dead_letters_total{reason="rejected",route="payments"} 1`,
		`makebridge_http_requests_total{code="500",route="payments"} 2`,
		`makebridge_http_requests_total{code="error",route="payments"} 1`,
		`makebridge_http_requests_total{code="422",route="payments"} 1`,
		`makebridge_in_flight{route="payments"} 0`)
	w.publish("payments.success", paymentEvent("event-2"))
	shows(`makebridge_in_flight{route="payments"} 1`)
	gate.Open()
	shows(`makebridge_in_flight{route="payments"} 0`,
		`makebridge_events_total{outcome="delivered",route="payments"} 1`,
		`makebridge_delivery_latency_seconds_count{route="payments"} 1`,
		`makebridge_http_request_duration_seconds_count{route="payments"} 5`)
	if regexp.MustCompile(`rate_limit_wait_seconds_total\{route="payments"\} 0\n`).MatchString(p.metrics()) {
		t.Error("three requests that came one after another did not wait for the pace")
	}
	shows(`makebridge_rate_limit_wait_seconds_total{route="messages"} 0`) // it shares the destination, and sent nothing

	w.publish("errors.anything", `{"type":"error.anything","event_id":"e","sent_at":"2026-01-02T03:04:05Z","payload":{}}`)
	shows(`makebridge_destination_held{reason="misconfigured",route="errors"} 1`,
		`makebridge_destination_held{reason="misconfigured",route="payments"} 0`)
	shows(`makebridge_pending{route="errors"} 0`, `makebridge_parked{route="errors"} 1`, `makebridge_pending{route="payments"} 0`)
	if !regexp.MustCompile(`\nmakebridge_oldest_pending_age_seconds\{route="errors"\} [0-9.e-]*[1-9]`).MatchString(p.metrics()) {
		t.Error("the event that waits has no age")
	}
	w.makecom.Default("errors", standin.Accept())
	shows(`makebridge_destination_held{reason="misconfigured",route="errors"} 0`,
		`makebridge_events_total{outcome="delivered",route="errors"} 1`,
		`makebridge_nats_connected 1`)
}

// TestBacklogSaysWhichRouteCouldNotBeRead: the others are shown all the same.
func TestBacklogSaysWhichRouteCouldNotBeRead(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.start()
	w.consumer("payments")
	rows, err := backlogOf(w.js, backlog.Config{
		Stream: "EVENTS", Bucket: "makebridge", Routes: []string{"payments", "gone"}, ReplicaLife: gate.ReplicaLife,
	})(t.Context())
	if len(rows) != 1 || rows[0].Route != "payments" || err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("rows %+v, error %v", rows, err)
	}
}
