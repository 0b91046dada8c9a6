package schemas_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/makebridge/makebridge/schemas"
)

func TestNew(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	e, err := schemas.New(schemas.TicketStatusChanged{TicketID: "t<1>&", PreviousStatus: "open", Status: "closed"})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(e.ID); err != nil || id.Version() != 7 {
		t.Errorf("id %q is no UUIDv7", e.ID)
	}
	if e.SentAt.Before(before) || e.SentAt.After(time.Now()) || e.SentAt.Nanosecond()%1e6 != 0 {
		t.Errorf("sent at %v, want now to the millisecond", e.SentAt)
	}
	if got, want := string(e.Payload), `{"ticket_id":"t<1>&","previous_status":"open","status":"closed"}`; got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
}

func TestOptions(t *testing.T) {
	at := time.Date(2026, 2, 18, 9, 41, 27, 0, time.FixedZone("", 3600))
	e, err := schemas.ExampleEvent("ticket.status_changed", schemas.WithID("test-1"), schemas.WithSentAt(at), schemas.WithMember("test", true))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"ticket.status_changed","event_id":"test-1","sent_at":"2026-02-18T09:41:27+01:00",` +
		`"payload":{"ticket_id":"tck_10482","previous_status":"open","status":"pending"},"test":true}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	valid := schemas.AppointmentCompleted{
		AppointmentID: "a", CompletedAt: time.Now(),
		Student: schemas.Person{ID: "1", Email: "a@example.org"}, Instructor: schemas.Person{ID: "2", Email: "b@example.org"},
	}
	forgotten := valid
	forgotten.CompletedAt = time.Time{}
	for name, c := range map[string]struct {
		payload schemas.Payload
		opts    []schemas.Option
		want    string
	}{
		"a time that was forgotten":   {forgotten, nil, `/payload: missing "completed_at"`},
		"an id with a space":          {valid, []schemas.Option{schemas.WithID("a b")}, "/event_id: " + header},
		"a year beyond RFC 3339":      {valid, []schemas.Option{schemas.WithSentAt(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))}, "/sent_at: " + notTime},
		"a member that is taken":      {valid, []schemas.Option{schemas.WithMember("payload", 1)}, "/payload: is given twice"},
		"a payload over 5 MiB":        {schemas.MessageSent{Body: strings.Repeat("x", schemas.MaxBody)}, nil, "is larger than 5242880 bytes"},
		"a payload that is no object": {list{}, nil, "/payload: must be object"},
		"a type with a space":         {spaced{}, nil, "/type: " + header},
	} {
		_, err := schemas.New(c.payload, c.opts...)
		var invalid *schemas.InvalidError
		if !errors.As(err, &invalid) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := schemas.New(valid, schemas.WithMember("x", func() {})); err == nil {
		t.Error("a member that cannot be marshalled was taken")
	}
	if _, err := schemas.New(unmarshalable{}); err == nil {
		t.Error("a payload that cannot be marshalled was taken")
	}
}

type list []int

func (list) EventType() string { return "list" }

type spaced struct{}

func (spaced) EventType() string { return "a b" }

type unmarshalable struct{ F func() }

func (unmarshalable) EventType() string { return "f" }

func TestEncodeChecksEventsMadeByHand(t *testing.T) {
	for _, payload := range []string{"", "{", "[]", `{},"x":{}`, "null"} {
		e := &schemas.Event{Type: "a", ID: "b", SentAt: time.Now(), Payload: json.RawMessage(payload)}
		if data, err := e.Encode(); err == nil {
			t.Errorf("payload %q was encoded: %s", payload, data)
		}
	}
}

// coursePayment is how a service adds members to a payload.
type coursePayment struct {
	schemas.PaymentSuccess
	CourseTitle string `json:"course_title"`
}

func TestDecodeAs(t *testing.T) {
	sent := coursePayment{
		schemas.PaymentSuccess{
			PaymentID: "p", Amount: 100, Currency: "EUR", Purpose: schemas.PurposeCourse,
			Customer: schemas.Person{ID: "c", Email: "c@example.org"},
		},
		"Go",
	}
	e, err := schemas.New(sent)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, event, err := schemas.DecodeAs[coursePayment](data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, got); diff != "" || event.ID != e.ID {
		t.Errorf("event %s, want %s; payload (-sent +got):\n%s", event.ID, e.ID, diff)
	}
	for old, change := range map[string][2]string{
		`"amount":100`:           {`"amount":1e2`, ""},
		`"currency":"EUR"`:       {`"currency":"EURO"`, "/payload/currency: does not match ^[A-Z]{3}$"},
		`"payment.success"`:      {`"payment.failed"`, "/type: must be payment.success"},
		`"payment_id":"p"`:       {`"payment_id":"p","Amount":5`, `/payload: a member differs from "amount" in case only`},
		`"id":"c"`:               {`"id":"c","ID":"d"`, `/payload/customer: a member differs from "id" in case only`},
		`"course_title":"Go"`:    {`"course_title":7`, "/payload: does not fit schemas_test.coursePayment"},
		`"event_id":"` + e.ID:    {`"event_id":"a b`, "/event_id: " + header},
		`,"course_title":"Go"}}`: {`,"course_title":"Go"}`, "is not JSON"},
	} {
		changed := strings.Replace(string(data), old, change[0], 1)
		if changed == string(data) {
			t.Fatalf("%s is not in %s", old, data)
		}
		got, _, err := schemas.DecodeAs[coursePayment]([]byte(changed))
		switch {
		case change[1] == "" && (err != nil || got.Amount != sent.Amount):
			t.Errorf("%s: %+v, %v", change[0], got, err)
		case change[1] != "" && (err == nil || err.Error() != change[1]):
			t.Errorf("%s: %v, want %s", change[0], err, change[1])
		}
	}
}

func TestAmount(t *testing.T) {
	for text, want := range map[string]schemas.Amount{"0": 0, "7": 7, "7.0": 7, "1.5e1": 15, "-3": -3, "9007199254740991": 1<<53 - 1} {
		var a schemas.Amount
		if err := json.Unmarshal([]byte(text), &a); err != nil || a != want {
			t.Errorf("%s: %d, %v, want %d", text, a, err, want)
		}
	}
	for _, text := range []string{`"7"`, "7.5", "1e400", "1e19", "true", "{}", "[7]"} {
		a := schemas.Amount(42)
		if err := json.Unmarshal([]byte(text), &a); err == nil || a != 42 {
			t.Errorf("%s was read as %d", text, a)
		}
	}
}
