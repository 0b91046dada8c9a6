package subjects

import (
	"slices"

	"github.com/makebridge/makebridge/schemas"
)

// Entry is a line of the catalogue: where events of one type travel.
type Entry struct {
	// Type is the event's type, Subject the one subject it may be published on.
	Type, Subject string
	// Route is the name of the route that takes it to make.com.
	Route string
	// Key is the path, in the payload, of the text whose events keep their
	// order where a route orders by key.
	Key []string
}

var catalogue = [...]Entry{ //nolint:gochecknoglobals // a table, never changed
	{schemas.TypePaymentSuccess, "payments.success", "payments", []string{"payment_id"}},
	{schemas.TypePaymentFailed, "payments.failed", "payments", []string{"payment_id"}},
	{schemas.TypeAppointmentCreated, "appointments.created", "appointments", []string{"appointment_id"}},
	{schemas.TypeAppointmentPaymentConfirmed, "appointments.payment.confirmed", "appointments", []string{"appointment_id"}},
	{schemas.TypeAppointmentCancelled, "appointments.cancelled", "appointments", []string{"appointment_id"}},
	{schemas.TypeAppointmentRescheduled, "appointments.rescheduled", "appointments", []string{"appointment_id"}},
	{schemas.TypeAppointmentCompleted, "appointments.completed", "appointments", []string{"appointment_id"}},
	{schemas.TypeMessageSent, "messages.sent", "messages", []string{"sender", "id"}},
	{schemas.TypeCohortEnrollmentCreated, "cohorts.enrollment.created", "cohort-enrollments", []string{"cohort_id"}},
	{schemas.TypeCohortMessageCreated, "cohorts.message.created", "cohort-messages", []string{"cohort_id"}},
	{schemas.TypeTicketCreated, "tickets.created", "support-tickets", []string{"ticket_id"}},
	{schemas.TypeTicketStatusChanged, "tickets.status_changed", "support-tickets", []string{"ticket_id"}},
	{schemas.TypeTicketReplyAdded, "tickets.reply_added", "support-tickets", []string{"ticket_id"}},
	{schemas.TypeErrorOccurred, "errors.occurred", "errors", []string{"service"}},
}

// Catalogue returns all entries in their order. The slice is the caller's.
func Catalogue() []Entry {
	entries := slices.Clone(catalogue[:])
	for i := range entries {
		entries[i] = entries[i].clone()
	}
	return entries
}

// ByType returns the entry of a type, false if the catalogue has none.
func ByType(typ string) (Entry, bool) { return found(entryOfType(typ)) }

// BySubject returns the entry of a subject, false if the catalogue has none.
func BySubject(subject string) (Entry, bool) { return found(entryOfSubject(subject)) }

// entryOfType returns the entry of a type, which nobody may change, nil if the
// catalogue has none.
func entryOfType(typ string) *Entry {
	for i := range catalogue {
		if catalogue[i].Type == typ {
			return &catalogue[i]
		}
	}
	return nil
}

// entryOfSubject is entryOfType for a subject.
func entryOfSubject(subject string) *Entry {
	for i := range catalogue {
		if catalogue[i].Subject == subject {
			return &catalogue[i]
		}
	}
	return nil
}

func found(e *Entry) (Entry, bool) {
	if e == nil {
		return Entry{}, false
	}
	return e.clone(), true
}

func (e Entry) clone() Entry {
	e.Key = slices.Clone(e.Key)
	return e
}
