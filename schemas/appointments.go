package schemas

import "time"

// A time that was forgotten is left out of the JSON (omitzero) and so refused
// as missing, where the zero time would travel as the year 1.

// AppointmentCreated says that an appointment was booked.
type AppointmentCreated struct {
	AppointmentID string    `json:"appointment_id"`
	Student       Person    `json:"student"`
	Instructor    Person    `json:"instructor"`
	StartsAt      time.Time `json:"starts_at,omitzero"`
	EndsAt        time.Time `json:"ends_at,omitzero"`
}

// EventType returns appointment.created.
func (AppointmentCreated) EventType() string { return TypeAppointmentCreated }

// AppointmentPaymentConfirmed says that the payment of an appointment was
// confirmed.
type AppointmentPaymentConfirmed struct {
	AppointmentID string `json:"appointment_id"`
	PaymentID     string `json:"payment_id"`
	Amount        Amount `json:"amount"`
	// Currency is an ISO 4217 code, such as EUR.
	Currency string `json:"currency"`
	Student  Person `json:"student"`
}

// EventType returns appointment.payment.confirmed.
func (AppointmentPaymentConfirmed) EventType() string { return TypeAppointmentPaymentConfirmed }

// CancelledBy is who called an appointment off.
type CancelledBy string

// Who may call an appointment off.
const (
	CancelledByStudent    CancelledBy = "student"
	CancelledByInstructor CancelledBy = "instructor"
	CancelledByAdmin      CancelledBy = "admin"
	CancelledBySystem     CancelledBy = "system"
)

// AppointmentCancelled says that an appointment was called off.
type AppointmentCancelled struct {
	AppointmentID string      `json:"appointment_id"`
	Student       Person      `json:"student"`
	Instructor    Person      `json:"instructor"`
	CancelledBy   CancelledBy `json:"cancelled_by"`
}

// EventType returns appointment.cancelled.
func (AppointmentCancelled) EventType() string { return TypeAppointmentCancelled }

// AppointmentRescheduled says that an appointment was moved to another time.
type AppointmentRescheduled struct {
	AppointmentID    string    `json:"appointment_id"`
	Student          Person    `json:"student"`
	Instructor       Person    `json:"instructor"`
	PreviousStartsAt time.Time `json:"previous_starts_at,omitzero"`
	StartsAt         time.Time `json:"starts_at,omitzero"`
	EndsAt           time.Time `json:"ends_at,omitzero"`
}

// EventType returns appointment.rescheduled.
func (AppointmentRescheduled) EventType() string { return TypeAppointmentRescheduled }

// AppointmentCompleted says that an appointment took place.
type AppointmentCompleted struct {
	AppointmentID string    `json:"appointment_id"`
	Student       Person    `json:"student"`
	Instructor    Person    `json:"instructor"`
	CompletedAt   time.Time `json:"completed_at,omitzero"`
}

// EventType returns appointment.completed.
func (AppointmentCompleted) EventType() string { return TypeAppointmentCompleted }
