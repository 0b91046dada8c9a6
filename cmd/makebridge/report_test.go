package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// reportTold is what a report says, less what differs from run to run.
type reportTold struct {
	Type, Route, Reason string
	Count, Status       int
	Reasons             map[string]int
}

// reportsTold returns the reports that have arrived at the admin webhook.
func (w *world) reportsTold() (all []reportTold) {
	w.t.Helper()
	for _, a := range w.makecom.Arrivals() {
		if a.Path != "/admin" {
			continue
		}
		var e struct {
			Type    string
			Payload reportTold
		}
		if err := json.Unmarshal(a.Body, &e); err != nil {
			w.t.Fatal(err)
		}
		e.Payload.Type = e.Type
		all = append(all, e.Payload)
	}
	return all
}

// TestAdminIsToldOfDeadLettersHoldsAndRecoveries, of a bridge with no more
// permissions than it needs.
func TestAdminIsToldOfDeadLettersHoldsAndRecoveries(t *testing.T) {
	t.Parallel()
	permissions := strings.Replace(leastPermissions, "publish: [", `publish: [
			"admin.events.dead_lettered", "admin.destination.>"`, 1)
	w := newWorldAs(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, permissions)}, standin.Config{}, nats.UserInfo("services", "secret"))
	w.makecom.Default("payments", standin.Status(410))
	p := w.start("MAKE_WEBHOOK_ADMIN_URL="+w.makecom.URL("admin"),
		"NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge")
	await := func(n int) {
		t.Helper()
		w.eventually("reports to arrive", func() bool { return len(w.reportsTold()) >= n })
	}
	for _, id := range []string{"event-1", "event-2", "event-3"} {
		w.publish("payments.success", paymentEvent(id))
	}
	// Each route has its own: cohort-enrollments goes where payments goes.
	await(2)
	w.eventually("failed probes", func() bool { return w.makecom.Counts().ByPath["/payments"] >= 8 })
	w.makecom.Default("payments", standin.Accept())
	await(4)
	w.settled("payments")
	w.makecom.Script("payments", standin.Status(422))
	w.publish("payments.success", paymentEvent("event-4"))
	await(5)
	if status := p.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}

	got := map[string]reportTold{}
	for _, r := range w.reportsTold() {
		got[r.Type+" "+r.Route] = r
	}
	const held, recovered, dead = "admin.destination.held", "admin.destination.recovered", "admin.events.dead_lettered"
	want := map[string]reportTold{
		held + " payments":                {Type: held, Route: "payments", Reason: "misconfigured", Status: 410, Count: 1},
		held + " cohort-enrollments":      {Type: held, Route: "cohort-enrollments", Reason: "misconfigured", Status: 410, Count: 1},
		recovered + " payments":           {Type: recovered, Route: "payments", Count: 1},
		recovered + " cohort-enrollments": {Type: recovered, Route: "cohort-enrollments", Count: 1},
		dead + " payments":                {Type: dead, Route: "payments", Count: 1, Reasons: map[string]int{"rejected": 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(w.reportsTold()) != len(want) {
		t.Errorf("%d reports (-want +got):\n%s", len(w.reportsTold()), diff)
	}
	for _, a := range w.makecom.Arrivals() {
		if body := string(a.Body); a.Path == "/admin" && (strings.Contains(body, w.makecom.URL("payments")) || strings.Contains(body, "ada@example.com")) {
			t.Errorf("a report holds what it should not: %s", body)
		}
	}
	if log := strings.ToLower(p.log.String()); strings.Contains(log, "permission") {
		t.Errorf("permissions are missing:\n%s", log)
	}
}

func TestNothingIsReportedAboutAdminItself(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("admin", standin.Status(410))
	w.makecom.Default("admin", standin.Status(422))
	p := w.start("MAKE_WEBHOOK_ADMIN_URL=" + w.makecom.URL("admin"))
	w.publish("payments.success", "not an event")
	w.eventually("the letters of the event and of its report", func() bool { return w.streamHas("EVENTS_DLQ", "dlq.>") == 2 })
	p.end() // which reports what is left to report
	if n := w.streamHas("EVENTS", "admin.>"); n != 1 {
		t.Errorf("%d reports, want the one about payments", n)
	}
}

func TestNothingIsReportedWhileAdminIsOff(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start()
	w.publish("payments.success", "not an event")
	w.settled("payments")
	p.end()
	p = w.start("MAKE_WEBHOOK_ADMIN_URL=" + w.makecom.URL("admin"))
	w.consumer("admin")
	p.end()
	if n := w.streamHas("EVENTS", "admin.>"); n != 0 {
		t.Errorf("%d reports", n)
	}
}

// streamHas counts the messages that a stream has on subjects, 0 where there is
// no stream yet.
func (w *world) streamHas(stream, subjects string) int {
	w.t.Helper()
	s, err := w.js.Stream(w.t.Context(), stream)
	if err != nil {
		return 0
	}
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter(subjects))
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, there := range info.State.Subjects {
		n += int(there)
	}
	return n
}
