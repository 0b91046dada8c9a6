package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/trace"
)

// TestTraceForPeople prints everything that a trace can tell; -update rewrites
// testdata/trace.golden.
func TestTraceForPeople(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
	}
	failed := trace.Step{
		At: at(1), Outcome: "retried", Status: 503, Attempts: 3, DurationMS: 2345, Delivery: 1, Replica: "66PtxwLeddA661M2Hn8B1l",
		DelayMS: 29700, Error: "HTTP 503 Service Unavailable",
	}
	delivered := trace.Step{At: at(2), Outcome: "delivered", Status: 200, Attempts: 1, DurationMS: 120, Delivery: 2, Replica: "pQctWx1Dy9fLjrhJR1XjRB"}
	filtered := trace.Step{At: at(2), Outcome: "filtered", Delivery: 1, Replica: "pQctWx1Dy9fLjrhJR1XjRB"}
	dead := trace.Step{At: at(3), Outcome: "dead_lettered", Status: 422, Attempts: 1, DurationMS: 80, Delivery: 2, Replica: "pQctWx1Dy9fLjrhJR1XjRB", Reason: "rejected"}
	all := &trace.Trace{
		EventID: "0197c9d5-7d2c-7a51-b2ea-4c3a5a6f9f10", Type: "payment.success", Stream: "EVENTS",
		Publishes: []trace.Publish{
			{Sequence: 12, Subject: "payments.success", PublishedAt: at(0), Stored: true, ExpiresAt: at(43200), Routes: []trace.Route{
				{Name: "appointments", State: trace.InHand, Note: "it may also be settled, without a receipt yet", Hold: &trace.Hold{
					Destination: "hook.eu2.make.com#3fa9c1", Reason: "misconfigured", Status: 410, Probes: 2, Since: at(1), Until: at(7),
					Meaning: "HTTP 410 Gone: no scenario is listening; turn it on in make.com",
				}},
				{Name: "audit", State: trace.Waiting},
				{Name: "billing", State: trace.Waiting, PausedUntil: at(8)},
				{Name: "books", State: trace.InHand, Note: "it may also be settled, without a receipt yet"},
				{Name: "cards", State: trace.InHand, Behind: &trace.Behind{EventID: "order-4711", Sequence: 11, Until: at(9)}},
				{Name: "cohort-enrollments", State: trace.PutOff, Until: at(5), Steps: []trace.Step{failed}},
				{Name: "crm", State: trace.Delivered, Steps: []trace.Step{failed, delivered}},
				{Name: "errors", State: trace.Filtered, Steps: []trace.Step{filtered}},
				{Name: "payments", State: trace.DeadLettered, Reason: "rejected", Error: "HTTP 422: missing field", Letter: 7, Steps: []trace.Step{failed, dead}},
				{Name: "quiet", State: trace.DeadLettered, Reason: "invalid", Error: "/payload: missing", Letter: 8},
				{Name: "settled", State: trace.Settled, Note: "how is not known: the receipt of it is missing", Steps: []trace.Step{failed}},
				{Name: "young", State: trace.NotTaken, Note: "the route's consumer begins later, at sequence 13"},
			}},
			{Sequence: 40, Subject: "payments.success", ReplayOf: "payments", PublishedAt: at(60), Routes: []trace.Route{
				{Name: "payments", State: trace.DeadLettered, Reason: "rejected", Note: "the letter is not in EVENTS_DLQ any more: replayed or discarded", Steps: []trace.Step{dead}},
			}},
			{Sequence: 41, Subject: "payments.success", PublishedAt: at(61), Stored: true},
		},
		Unknown: []string{"what happened when: there are no receipts (stream EVENTS_RECEIPTS does not exist)", "something else"},
	}
	var b bytes.Buffer
	printTrace(&output{w: &b}, all, "EVENTS_DLQ")
	b.WriteString("\nAt a terminal:\n\n")
	printTrace(&output{w: &b, people: true}, all, "EVENTS_DLQ")
	golden := filepath.Join("testdata", "trace.golden")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
