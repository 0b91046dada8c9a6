package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"slices"
)

// The types of events that have a schema.
const (
	TypePaymentSuccess              = "payment.success"
	TypePaymentFailed               = "payment.failed"
	TypeAppointmentCreated          = "appointment.created"
	TypeAppointmentPaymentConfirmed = "appointment.payment.confirmed"
	TypeAppointmentCancelled        = "appointment.cancelled"
	TypeAppointmentRescheduled      = "appointment.rescheduled"
	TypeAppointmentCompleted        = "appointment.completed"
	TypeMessageSent                 = "message.sent"
	TypeCohortEnrollmentCreated     = "cohort.enrollment.created"
	TypeCohortMessageCreated        = "cohort.message.created"
	TypeTicketCreated               = "ticket.created"
	TypeTicketStatusChanged         = "ticket.status_changed"
	TypeTicketReplyAdded            = "ticket.reply_added"
	TypeErrorOccurred               = "error.occurred"
)

var types = [...]string{ //nolint:gochecknoglobals // a table, never changed
	TypePaymentSuccess,
	TypePaymentFailed,
	TypeAppointmentCreated,
	TypeAppointmentPaymentConfirmed,
	TypeAppointmentCancelled,
	TypeAppointmentRescheduled,
	TypeAppointmentCompleted,
	TypeMessageSent,
	TypeCohortEnrollmentCreated,
	TypeCohortMessageCreated,
	TypeTicketCreated,
	TypeTicketStatusChanged,
	TypeTicketReplyAdded,
	TypeErrorOccurred,
}

//go:embed *.json
var files embed.FS

// Types returns the types that have a schema, in the catalogue's order. The
// slice is the caller's.
func Types() []string { return slices.Clone(types[:]) }

// Schema returns the JSON Schema of a type's payload as it is kept, indented.
// It reports false for a type that has none. The slice is the caller's.
func Schema(typ string) ([]byte, bool) {
	if !slices.Contains(types[:], typ) {
		return nil, false
	}
	return file(typ), true
}

// EnvelopeSchema returns the JSON Schema of the envelope, indented. The slice
// is the caller's.
func EnvelopeSchema() []byte { return file("envelope") }

// Example returns a realistic payload of a type, compact, which its schema
// accepts. It reports false for a type that has no schema.
func Example(typ string) ([]byte, bool) {
	schema, ok := Schema(typ)
	if !ok {
		return nil, false
	}
	var doc struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(schema, &doc); err != nil {
		panic("schemas: " + typ + ".json: " + err.Error())
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, doc.Examples[0]); err != nil {
		panic("schemas: example of " + typ + ": " + err.Error())
	}
	return compact.Bytes(), true
}

// ExampleEvent returns a whole event of a type around its [Example], with an
// id and a time of its own unless opts set them. It returns an error for a type
// that has no schema, and what [Wrap] returns.
func ExampleEvent(typ string, opts ...Option) (*Event, error) {
	payload, ok := Example(typ)
	if !ok {
		return nil, invalid("/type", "has no schema")
	}
	return Wrap(typ, payload, opts...)
}

// file reads an embedded schema; that each of them is there and sound was
// settled when the package was built and tested.
func file(name string) []byte {
	data, err := files.ReadFile(name + ".json")
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return data
}
