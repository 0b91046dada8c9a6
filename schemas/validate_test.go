package schemas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/schemas"
)

// TestValidate changes one thing in an example; "" means that it stays valid.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ typ, old, new, want string }{
		{"payment.success", `"amount":14900`, `"amount":0`, ""},
		{"payment.success", `"amount":14900`, `"amount":1.49e4`, ""},
		{"payment.success", `"amount":14900`, `"amount":14900.0`, ""},
		{"payment.success", `"amount":14900`, `"amount":9007199254740991`, ""},
		{"payment.success", `"amount":14900`, `"amount":9007199254740992`, "/payload/amount: must be at most 9007199254740991"},
		{"payment.success", `"amount":14900`, `"amount":99999999999999999999`, "/payload/amount: must be at most 9007199254740991"},
		{"payment.success", `"amount":14900`, `"amount":1e400`, "/payload/amount: must be at most 9007199254740991"},
		{"payment.success", `"amount":14900`, `"amount":1e999999999`, "/payload/amount: must be at most 9007199254740991"},
		{"payment.success", `"amount":14900`, `"amount":149.5`, "/payload/amount: must be integer"},
		{"payment.success", `"amount":14900`, `"amount":-1`, "/payload/amount: must be at least 0"},
		{"payment.success", `"amount":14900`, `"amount":"14900"`, "/payload/amount: must be integer"},
		{"payment.success", `"EUR"`, `"eur"`, "/payload/currency: does not match ^[A-Z]{3}$"},
		{"payment.success", `"EUR"`, `"EUR\n"`, "/payload/currency: does not match ^[A-Z]{3}$"},
		{"payment.success", `"course"`, `"gift"`, "/payload/purpose: must be one of course, cohort, appointment"},
		{"payment.success", `"pay_7K2mQ9xT"`, `""`, "/payload/payment_id: must not be empty"},
		{"payment.success", `"customer":{`, `"customer":{"vip":true,`, ""},
		{"payment.success", `"name":"Amara Okafor"`, `"name":7`, "/payload/customer/name: must be string"},
		{"payment.success", `amara.okafor@example.com`, `amara`, "/payload/customer/email: is not an email address"},
		{"payment.success", `{"payment_id"`, `{"voucher":"x","payment_id"`, ""},
		{"payment.success", `{"payment_id"`, `{"Amount":1,"payment_id"`, ""},
		{"payment.success", `{"payment_id"`, `{"amount":1,"payment_id"`, "/payload/amount: is given twice"},
		{"payment.success", `{"payment_id"`, `{"\u0061mount":1,"payment_id"`, "/payload/amount: is given twice"},
		{"payment.success", `"customer":{`, `"customer":{"email":"a@b.c",`, "/payload/customer/email: is given twice"},
		{"payment.success", `"customer":{`, `"customer":{"canary":1,"canary":2,`, "/payload/customer: a member is given twice"},
		{"payment.success", `{"payment_id"`, `{"canary":[{"id":1,"id":1}],"payment_id"`, "/payload: a member is given twice"},
		{"appointment.created", `"2026-03-09T15:00:00Z"`, `"2026-03-09T16:00:00.5+01:00"`, ""},
		{"appointment.created", `"2026-03-09T15:00:00Z"`, `"9 March"`, "/payload/starts_at: is not an RFC 3339 date-time"},
		{"error.occurred", `"HIGH"`, `"high"`, "/payload/severity: must be one of LOW, MEDIUM, HIGH, CRITICAL"},
		{"message.sent", `"body":"`, `"body":"\ud83d`, ""},
		{"message.sent", `"body":"Your essay reads well. Shall we go through the second part on Tuesday?"`, `"body":""`, ""},
	} {
		example := string(must(schemas.Example(c.typ)))
		changed := strings.Replace(example, c.old, c.new, 1)
		if changed == example {
			t.Fatalf("%s: %s is not in the example", c.typ, c.old)
		}
		got := ""
		if _, err := schemas.Wrap(c.typ, []byte(changed)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s with %s\n got %s\nwant %s", c.typ, c.new, got, c.want)
		}
	}
}

func TestTypesWithoutSchemaTakeAnyPayload(t *testing.T) {
	if _, err := schemas.Wrap("payment.refunded", []byte(`{"amount":"x","amount":{}}`)); err != nil {
		t.Error(err)
	}
}

func TestEmail(t *testing.T) {
	for email, want := range map[string]bool{
		"a@b":                                    true,
		"first.last+tag@sub.x.org":               true,
		"o'brien@example.ie":                     true,
		`"two words"@example.org`:                true,
		"用户@例え.jp":                               true,
		"a@[192.0.2.1]":                          true,
		"":                                       false,
		"a":                                      false,
		"@example.org":                           false,
		"a@":                                     false,
		"a b@example.org":                        false,
		"a@exa mple.org":                         false,
		"a@b@c":                                  false,
		".a@example.org":                         false,
		"a..b@example.org":                       false,
		"a@example..org":                         false,
		"a@-example.org":                         false,
		"a@example.org\n":                        false,
		"Ann <ann@example.org>":                  false,
		strings.Repeat("a", 64) + "@example.org": true,
		strings.Repeat("a", 65) + "@example.org": false,
		"a@" + strings.Repeat("b", 64):           false,
		"a@" + strings.Repeat("b.", 127) + "c":   false,
	} {
		_, err := schemas.New(schemas.CohortEnrollmentCreated{
			EnrollmentID: "1", CohortID: "2", Student: schemas.Person{ID: "3", Email: email},
		})
		if (err == nil) != want {
			t.Errorf("%q: %v, want valid %t", email, err, want)
		}
	}
}

func TestErrorLine(t *testing.T) {
	problems := func(n int) (list []schemas.Problem) {
		for i := range n {
			list = append(list, schemas.Problem{Pointer: fmt.Sprintf("/payload/member_%02d", i), Rule: "must be string"})
		}
		return list
	}
	for n := range 40 {
		line := (&schemas.InvalidError{Problems: problems(n)}).Error()
		if len(line) > 256 {
			t.Errorf("%d problems: %d bytes: %s", n, len(line), line)
		}
		shown := strings.Count(line, "/payload/")
		if more := fmt.Sprintf("; and %d more", n-shown); shown < n && !strings.HasSuffix(line, more) {
			t.Errorf("%d problems: %s, want it to end in %q", n, line, more)
		}
	}
	if line := (&schemas.InvalidError{Problems: []schemas.Problem{{Rule: strings.Repeat("x", 300)}}}).Error(); len(line) != 256 {
		t.Errorf("a long rule makes %d bytes", len(line))
	}
}

func TestProblemsAreInOrder(t *testing.T) {
	want := []schemas.Problem{
		{Pointer: "/payload", Rule: `missing "amount"`},
		{Pointer: "/payload", Rule: `missing "currency"`},
		{Pointer: "/payload/customer", Rule: `missing "id"`},
		{Pointer: "/payload/customer", Rule: `missing "email"`},
		{Pointer: "/payload/payment_id", Rule: "must be string"},
		{Pointer: "/payload/purpose", Rule: "must be one of course, cohort, appointment"},
	}
	for range 20 {
		_, err := schemas.Wrap("payment.success", []byte(`{"purpose":"x","payment_id":1,"customer":{}}`))
		var invalid *schemas.InvalidError
		if !errors.As(err, &invalid) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, invalid.Problems); diff != "" {
			t.Fatalf("problems (-want +got):\n%s", diff)
		}
	}
}

// TestErrorsHoldNoValues puts a canary wherever an event can hold one.
func TestErrorsHoldNoValues(t *testing.T) {
	const canary = "c4n4ry"
	for _, typ := range append(schemas.Types(), "payment.refunded") {
		for _, value := range []string{`"` + canary + `"`, `{"` + canary + `":"` + canary + `"}`, `["` + canary + `"]`, `{"` + canary + `":1,"` + canary + `":2}`} {
			members := []string{`"` + canary + `":` + value}
			var example map[string]json.RawMessage
			if payload, ok := schemas.Example(typ); ok {
				if err := json.Unmarshal(payload, &example); err != nil {
					t.Fatal(err)
				}
			}
			for name := range example {
				members = append(members, `"`+name+`":`+value)
			}
			payload := "{" + strings.Join(members, ",") + "}"
			for _, event := range []string{
				`{"type":"` + typ + `","event_id":"1","sent_at":"2026-02-18T09:41:27Z","payload":` + payload + `}`,
				`{"type":` + value + `,"event_id":` + value + `,"sent_at":` + value + `,"payload":` + value + `,"` + canary + `":1,"` + canary + `":2}`,
			} {
				if msg := check([]byte(event)); strings.Contains(msg, canary) {
					t.Errorf("%s: %s", event, msg)
				}
			}
		}
	}
}

func check(event []byte) string {
	e, err := schemas.Decode(event)
	if err == nil {
		err = e.Validate()
	}
	if err == nil {
		return ""
	}
	return fmt.Sprintf("%v %+v %#v", err, err, err)
}

func TestEventsMayBeReadTogether(t *testing.T) {
	e, err := schemas.ExampleEvent("message.sent")
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			if err := e.Validate(); err != nil {
				t.Error(err)
			}
			if id, _ := e.Text("sender", "id"); id != "usr_1d90b7" {
				t.Errorf("sender %q", id)
			}
		})
	}
	readers.Wait()
}
