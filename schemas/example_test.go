package schemas_test

import (
	"fmt"
	"time"

	"github.com/makebridge/makebridge/schemas"
)

// A service checks and encodes an event; publishing it is the work of
// subjects.Publisher.
func ExampleNew() {
	event, err := schemas.New(
		schemas.TicketStatusChanged{TicketID: "tck_1", PreviousStatus: "open", Status: "solved"},
		schemas.WithID("0001"),
		schemas.WithSentAt(time.Date(2026, 2, 18, 9, 0, 0, 0, time.UTC)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := event.Encode()
	fmt.Println(string(data), err)
	// Output: {"type":"ticket.status_changed","event_id":"0001","sent_at":"2026-02-18T09:00:00Z","payload":{"ticket_id":"tck_1","previous_status":"open","status":"solved"}} <nil>
}

func ExampleNew_invalid() {
	_, err := schemas.New(schemas.PaymentSuccess{
		PaymentID: "pay_1",
		Amount:    -5,
		Currency:  "euro",
		Purpose:   schemas.PurposeCourse,
		Customer:  schemas.Person{ID: "usr_1", Email: "amara@example.com"},
	})
	fmt.Println(err)
	// Output: /payload/amount: must be at least 0; /payload/currency: does not match ^[A-Z]{3}$
}

func ExampleDecodeAs() {
	data := []byte(`{
		"type": "error.occurred", "event_id": "0002", "sent_at": "2026-02-18T09:00:00Z",
		"payload": {"error_id": "e1", "severity": "HIGH", "message": "disk full", "service": "uploads"}
	}`)
	report, event, err := schemas.DecodeAs[schemas.ErrorOccurred](data)
	fmt.Println(event.ID, report.Service, report.Severity == schemas.SeverityHigh, err)
	// Output: 0002 uploads true <nil>
}
