package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// chaosOpen is how many appointments a publisher has under way.
const chaosOpen = 4

// chaosAppointments makes up what becomes of appointments: each is created,
// rescheduled and paid now and then, and cancelled or completed at last.
type chaosAppointments struct {
	name  string
	dice  *rand.Rand
	count int
	open  []chaosAppointment
	last  int  // index of the appointment of the last event
	burst bool // the next event follows the last at once, about the same
}

type chaosAppointment struct {
	id   string
	next string // type of its next event
}

// next returns an event's type and payload, and its key.
func (a *chaosAppointments) next() (typ, payload, key string) {
	for len(a.open) < chaosOpen {
		a.open = append(a.open, chaosAppointment{fmt.Sprintf("apt-%s-%d", a.name, a.count), schemas.TypeAppointmentCreated})
		a.count++
	}
	if !a.burst {
		a.last = a.dice.IntN(len(a.open))
	}
	one := &a.open[a.last]
	typ, key = one.next, one.id
	payload = appointmentPayload(typ, key)
	over := typ == schemas.TypeAppointmentCancelled || typ == schemas.TypeAppointmentCompleted
	if over {
		a.open = append(a.open[:a.last], a.open[a.last+1:]...)
	} else {
		one.next = a.after()
	}
	a.burst = !over && a.dice.IntN(3) == 0
	return typ, payload, key
}

// after returns the type of what happens next to an appointment.
func (a *chaosAppointments) after() string {
	switch n := a.dice.IntN(10); {
	case n < 5:
		return schemas.TypeAppointmentRescheduled
	case n < 7:
		return schemas.TypeAppointmentPaymentConfirmed
	case n < 8:
		return schemas.TypeAppointmentCancelled
	}
	return schemas.TypeAppointmentCompleted
}

// appointmentPayload is the type's example, about an appointment.
func appointmentPayload(typ, id string) string {
	const example = `"appointment_id":"apt_55d1e0"`
	payload, _ := schemas.Example(typ)
	return strings.Replace(string(payload), example, fmt.Sprintf(`"appointment_id":%q`, id), 1)
}

// subjectOf returns the subject of a type of the catalogue.
func subjectOf(typ string) string {
	entry, _ := subjects.ByType(typ)
	return entry.Subject
}
