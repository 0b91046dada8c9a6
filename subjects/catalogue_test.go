package subjects_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// table is the contract's: type, subject, route, and the ordering key of its
// section on JetStream.
const table = `
payment.success               payments.success               payments           payment_id
payment.failed                payments.failed                payments           payment_id
appointment.created           appointments.created           appointments       appointment_id
appointment.payment.confirmed appointments.payment.confirmed appointments       appointment_id
appointment.cancelled         appointments.cancelled         appointments       appointment_id
appointment.rescheduled       appointments.rescheduled       appointments       appointment_id
appointment.completed         appointments.completed         appointments       appointment_id
message.sent                  messages.sent                  messages           sender.id
cohort.enrollment.created     cohorts.enrollment.created     cohort-enrollments cohort_id
cohort.message.created        cohorts.message.created        cohort-messages    cohort_id
ticket.created                tickets.created                support-tickets    ticket_id
ticket.status_changed         tickets.status_changed         support-tickets    ticket_id
ticket.reply_added            tickets.reply_added            support-tickets    ticket_id
error.occurred                errors.occurred                errors             service`

func TestCatalogueIsTheTable(t *testing.T) {
	var want []subjects.Entry
	for line := range strings.Lines(strings.TrimSpace(table)) {
		f := strings.Fields(line)
		want = append(want, subjects.Entry{Type: f[0], Subject: f[1], Route: f[2], Key: strings.Split(f[3], ".")})
	}
	if diff := cmp.Diff(want, subjects.Catalogue()); diff != "" {
		t.Errorf("Catalogue (-want +got):\n%s", diff)
	}
	for _, e := range want {
		if got, ok := subjects.ByType(e.Type); !ok || !cmp.Equal(got, e) {
			t.Errorf("ByType(%s) = %v, %t", e.Type, got, ok)
		}
		if got, ok := subjects.BySubject(e.Subject); !ok || !cmp.Equal(got, e) {
			t.Errorf("BySubject(%s) = %v, %t", e.Subject, got, ok)
		}
	}
	for _, other := range []string{"", "payments.>", "payments.refunded", "payments"} {
		if _, ok := subjects.BySubject(other); ok {
			t.Errorf("BySubject(%q) exists", other)
		}
		if _, ok := subjects.ByType(other); ok {
			t.Errorf("ByType(%q) exists", other)
		}
	}
}

func TestCatalogueAndSchemasAgree(t *testing.T) {
	var types []string
	for _, entry := range subjects.Catalogue() {
		types = append(types, entry.Type)
		e, err := schemas.ExampleEvent(entry.Type)
		if err != nil {
			t.Errorf("%s: %v", entry.Type, err)
			continue
		}
		if key, ok := e.Text(entry.Key...); !ok || key == "" {
			t.Errorf("%s: the example has no ordering key at %v", entry.Type, entry.Key)
		}
		if err := subjects.Validate(entry.Subject, e); err != nil {
			t.Errorf("%s on %s: %v", entry.Type, entry.Subject, err)
		}
	}
	if diff := cmp.Diff(schemas.Types(), types); diff != "" {
		t.Errorf("types (-schemas +catalogue):\n%s", diff)
	}
}

func TestRoutesAreTheTable(t *testing.T) {
	want := []subjects.Route{
		{"payments", []string{"payments.>"}, "PAYMENTS", ""},
		{"appointments", []string{"appointments.>"}, "APPOINTMENTS", ""},
		{"messages", []string{"messages.>"}, "MESSAGES", ""},
		{"cohort-enrollments", []string{"cohorts.enrollment.>"}, "COHORT_ENROLLMENTS", "payments"},
		{"cohort-messages", []string{"cohorts.message.>"}, "COHORT_MESSAGES", "messages"},
		{"support-tickets", []string{"tickets.>"}, "SUPPORT_TICKETS", ""},
		{"errors", []string{"errors.>"}, "ERRORS", ""},
		{"admin", []string{"admin.>"}, "ADMIN", ""},
	}
	if diff := cmp.Diff(want, subjects.Routes()); diff != "" {
		t.Errorf("Routes (-want +got):\n%s", diff)
	}
}

// TestEachEventHasOneRoute: each subject of the catalogue is taken by the route
// it names and by no other, and fallbacks are routes that have none themselves.
func TestEachEventHasOneRoute(t *testing.T) {
	fallback := map[string]string{}
	for _, r := range subjects.Routes() {
		fallback[r.Name] = r.Fallback
	}
	for _, r := range subjects.Routes() {
		if then, ok := fallback[r.Fallback]; r.Fallback != "" && (!ok || then != "") {
			t.Errorf("%s falls back to %s", r.Name, r.Fallback)
		}
		for _, entry := range subjects.Catalogue() {
			if taken := subjects.Covers(r.Subjects[0], entry.Subject); taken != (entry.Route == r.Name) {
				t.Errorf("%s takes %s: %t", r.Name, entry.Subject, taken)
			}
		}
	}
}

func TestTheCatalogueCannotBeChanged(t *testing.T) {
	entries, routes := subjects.Catalogue(), subjects.Routes()
	entries[0].Subject, entries[0].Key[0], routes[0].Subjects[0] = "changed", "changed", "changed"
	one, _ := subjects.ByType("payment.success")
	one.Key[0] = "changed"
	if e := subjects.Catalogue()[0]; e.Subject != "payments.success" || e.Key[0] != "payment_id" {
		t.Errorf("Catalogue()[0] = %v", e)
	}
	if r := subjects.Routes()[0]; r.Subjects[0] != "payments.>" {
		t.Errorf("Routes()[0] = %v", r)
	}
}

func TestReadmeHasTheCatalogue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, e := range subjects.Catalogue() {
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", e.Type, e.Subject, e.Route, strings.Join(e.Key, "."))
	}
	if !strings.Contains(string(readme), want.String()) {
		t.Errorf("README.md should have\n%s", want.String())
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ subject, typ, payload, want string }{
		{"payments.success", "payment.success", "", ""},
		{"payments.success", "payment.success", "{}", `/payload: missing "payment_id"; /payload: missing "amount"; /payload: missing "currency"; /payload: missing "purpose"; /payload: missing "customer"`},
		{"payments.success", "payment.failed", "", "/type: must be payment.success on payments.success"},
		{"payments.success", "payment.refunded", "{}", "/type: must be payment.success on payments.success"},
		{"payments.refunded", "payment.refunded", "{}", ""},
		{"payments.refunded", "anything", `{"amount":[],"amount":1}`, ""},
		{"payments.refunded", "payment.success", "", "/type: payment.success belongs on payments.success"},
		{"appointments.created", "appointment.created", "", ""},
		{"admin.events.dead_lettered", "admin.events.dead_lettered", "{}", ""},
		{"payments.success", "", "{}", "/type: must be 1 to 128 printable ASCII characters without spaces"},
	} {
		payload := c.payload
		if payload == "" {
			example, _ := schemas.Example(c.typ)
			payload = string(example)
		}
		event := fmt.Sprintf(`{"type":%q,"event_id":"1","sent_at":"2026-02-18T09:41:27Z","payload":%s}`, c.typ, payload)
		e, err := subjects.Check(c.subject, []byte(event))
		var invalid *schemas.InvalidError
		switch {
		case c.want == "" && (err != nil || e.Type != c.typ):
			t.Errorf("%s on %s: %v", c.typ, c.subject, err)
		case c.want != "" && (!errors.As(err, &invalid) || err.Error() != c.want || e != nil):
			t.Errorf("%s on %s: %v, want %s", c.typ, c.subject, err, c.want)
		}
	}
}
