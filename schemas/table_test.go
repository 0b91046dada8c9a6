package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/schemas"
)

// table is the contract's own table: each type, its payload's struct, and the
// required members, those of people in braces.
var table = []struct {
	typ      string
	payload  schemas.Payload
	required string
}{
	{"payment.success", schemas.PaymentSuccess{}, "payment_id amount currency purpose customer{id,email}"},
	{"payment.failed", schemas.PaymentFailed{}, "payment_id amount currency purpose customer{id,email} failure_reason"},
	{"appointment.created", schemas.AppointmentCreated{}, "appointment_id student{id,email} instructor{id,email} starts_at ends_at"},
	{"appointment.payment.confirmed", schemas.AppointmentPaymentConfirmed{}, "appointment_id payment_id amount currency student{id,email}"},
	{"appointment.cancelled", schemas.AppointmentCancelled{}, "appointment_id student{id,email} instructor{id,email} cancelled_by"},
	{"appointment.rescheduled", schemas.AppointmentRescheduled{}, "appointment_id student{id,email} instructor{id,email} previous_starts_at starts_at ends_at"},
	{"appointment.completed", schemas.AppointmentCompleted{}, "appointment_id student{id,email} instructor{id,email} completed_at"},
	{"message.sent", schemas.MessageSent{}, "message_id sender{id,email} recipient{id,email} body"},
	{"cohort.enrollment.created", schemas.CohortEnrollmentCreated{}, "enrollment_id cohort_id student{id,email}"},
	{"cohort.message.created", schemas.CohortMessageCreated{}, "message_id cohort_id author{id,email} body"},
	{"ticket.created", schemas.TicketCreated{}, "ticket_id subject priority requester{id,email}"},
	{"ticket.status_changed", schemas.TicketStatusChanged{}, "ticket_id previous_status status"},
	{"ticket.reply_added", schemas.TicketReplyAdded{}, "ticket_id reply_id author{id,email} body"},
	{"error.occurred", schemas.ErrorOccurred{}, "error_id severity message service"},
}

func TestTypesAreTheTable(t *testing.T) {
	var want []string
	for _, row := range table {
		want = append(want, row.typ)
		if got := row.payload.EventType(); got != row.typ {
			t.Errorf("%T.EventType() = %q, want %q", row.payload, got, row.typ)
		}
	}
	if diff := cmp.Diff(want, schemas.Types()); diff != "" {
		t.Errorf("Types (-want +got):\n%s", diff)
	}
	schemas.Types()[0] = "changed"
	if schemas.Types()[0] != "payment.success" {
		t.Error("Types hands out its own memory")
	}
}

// schema is what the test reads of a schema file.
type schema struct {
	ID         string            `json:"$id"`
	Dialect    string            `json:"$schema"`
	Title      string            `json:"title"`
	Type       any               `json:"type"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Ref        string            `json:"$ref"`
	Defs       map[string]schema `json:"$defs"`
	Examples   []json.RawMessage `json:"examples"`
	Enum       []string          `json:"enum"`
	Additional any               `json:"additionalProperties"`
}

func parse(t *testing.T, data []byte) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemasAreTheTable(t *testing.T) {
	for _, row := range table {
		t.Run(row.typ, func(t *testing.T) {
			data, ok := schemas.Schema(row.typ)
			if !ok {
				t.Fatal("no schema")
			}
			s := parse(t, data)
			if s.Dialect != "https://json-schema.org/draft/2020-12/schema" || s.Title != row.typ || !strings.HasSuffix(s.ID, ":"+row.typ) {
				t.Errorf("$schema %q, title %q, $id %q", s.Dialect, s.Title, s.ID)
			}
			var required []string
			for _, name := range s.Required {
				if s.Properties[name].Ref != "" {
					name += "{" + strings.Join(s.Defs["person"].Required, ",") + "}"
				}
				required = append(required, name)
			}
			if got := strings.Join(required, " "); got != row.required {
				t.Errorf("required %s\nwant     %s", got, row.required)
			}
			if s.Additional != nil {
				t.Error("other members are not allowed")
			}
			if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(slices.Values(s.Required)); !slices.Equal(got, want) {
				t.Errorf("properties %v, required %v", got, want)
			}
		})
	}
}

func TestOnePersonEverywhere(t *testing.T) {
	first := parse(t, must(schemas.Schema("payment.success"))).Defs
	for _, row := range table {
		if defs := parse(t, must(schemas.Schema(row.typ))).Defs; defs != nil {
			if diff := cmp.Diff(first, defs); diff != "" {
				t.Errorf("%s (-payment.success +it):\n%s", row.typ, diff)
			}
		}
	}
	checkFields(t, reflect.TypeFor[schemas.Person](), first["person"])
}

func TestStructsAreTheSchemas(t *testing.T) {
	for _, row := range table {
		t.Run(row.typ, func(t *testing.T) {
			checkFields(t, reflect.TypeOf(row.payload), parse(t, must(schemas.Schema(row.typ))))
		})
	}
}

// checkFields compares a struct's fields with a schema's properties. A required
// one is always written, except that a time that was not set is left out.
func checkFields(t *testing.T, typ reflect.Type, s schema) {
	t.Helper()
	var names []string
	for f := range fields(typ) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
		want := ""
		switch {
		case !slices.Contains(s.Required, name):
			want = "omitempty"
		case f.Type == reflect.TypeFor[time.Time]():
			want = "omitzero"
		}
		if option != want {
			t.Errorf("%s has the option %q, want %q", name, option, want)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(s.Properties)), names); diff != "" {
		t.Errorf("fields (-schema +%s):\n%s", typ, diff)
	}
}

func fields(typ reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if !yield(typ.Field(i)) {
				return
			}
		}
	}
}

func TestEnumsAreTheContract(t *testing.T) {
	for _, c := range []struct{ typ, member, want string }{
		{"payment.success", "purpose", "course cohort appointment"},
		{"payment.failed", "purpose", "course cohort appointment"},
		{"appointment.cancelled", "cancelled_by", "student instructor admin system"},
		{"ticket.created", "priority", "low normal high urgent"},
		{"error.occurred", "severity", "LOW MEDIUM HIGH CRITICAL"},
	} {
		got := parse(t, must(schemas.Schema(c.typ))).Properties[c.member].Enum
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %s", c.typ, c.member, got, c.want)
		}
	}
}

func TestExamplesFitTheirStructs(t *testing.T) {
	for _, row := range table {
		t.Run(row.typ, func(t *testing.T) {
			example := must(schemas.Example(row.typ))
			payload := reflect.New(reflect.TypeOf(row.payload))
			dec := json.NewDecoder(bytes.NewReader(example))
			dec.DisallowUnknownFields()
			if err := dec.Decode(payload.Interface()); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(payload.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(example), string(again)); diff != "" {
				t.Errorf("example (-file +encoded):\n%s", diff)
			}
			if _, err := schemas.New(payload.Elem().Interface().(schemas.Payload)); err != nil {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// TestEveryRequiredMemberIsRequired takes each required member out of the
// example, at every depth, and puts a wrong value of every kind in its place.
func TestEveryRequiredMemberIsRequired(t *testing.T) {
	for _, row := range table {
		s := parse(t, must(schemas.Schema(row.typ)))
		t.Run(row.typ, func(t *testing.T) {
			for _, name := range s.Required {
				spoil(t, row.typ, s.Properties[name].Type, name)
				if s.Properties[name].Ref != "" {
					spoil(t, row.typ, "string", name, "id")
					spoil(t, row.typ, "string", name, "email")
				}
			}
		})
	}
}

func spoil(t *testing.T, typ string, kind any, path ...string) {
	t.Helper()
	parent := "/payload" + strings.Join(append([]string{""}, path[:len(path)-1]...), "/")
	last := path[len(path)-1]
	if err := validate(t, typ, func(o map[string]any) { delete(o, last) }, path); !broken(err, parent, `missing "`+last+`"`) {
		t.Errorf("without %v: %v", path, err)
	}
	for name, value := range map[string]any{"string": "canary", "integer": 7, "boolean": true, "null": nil, "array": []any{}, "fraction": 1.5} {
		if name == kind {
			continue
		}
		if err := validate(t, typ, func(o map[string]any) { o[last] = value }, path); !broken(err, parent+"/"+last, "must be ") {
			t.Errorf("%v = %v: %v", path, value, err)
		}
	}
}

// validate changes the object that holds the member at path in the example, and
// checks it.
func validate(t *testing.T, typ string, change func(map[string]any), path []string) error {
	t.Helper()
	var payload map[string]any
	if err := json.Unmarshal(must(schemas.Example(typ)), &payload); err != nil {
		t.Fatal(err)
	}
	object := payload
	for _, name := range path[:len(path)-1] {
		object = object[name].(map[string]any)
	}
	change(object)
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	_, err = schemas.Wrap(typ, data)
	return err
}

func broken(err error, pointer, rule string) bool {
	var invalid *schemas.InvalidError
	return errors.As(err, &invalid) && slices.ContainsFunc(invalid.Problems, func(p schemas.Problem) bool {
		return p.Pointer == pointer && strings.HasPrefix(p.Rule, rule)
	})
}

func TestTypesWithoutSchema(t *testing.T) {
	for _, typ := range []string{"", "envelope", "payment.refunded", "../schemas/envelope", "payment.success.json"} {
		if _, ok := schemas.Schema(typ); ok {
			t.Errorf("Schema(%q) exists", typ)
		}
		if _, ok := schemas.Example(typ); ok {
			t.Errorf("Example(%q) exists", typ)
		}
		if _, err := schemas.ExampleEvent(typ); err == nil {
			t.Errorf("ExampleEvent(%q) exists", typ)
		}
	}
}

func must(data []byte, ok bool) []byte {
	if !ok {
		panic("not in the table")
	}
	return data
}
