package subjects_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// A service publishes a payment and knows that it is stored.
func ExamplePublisher_Publish() {
	js, stop := serveExample()
	defer stop()

	publisher := subjects.NewPublisher(js, subjects.PublisherConfig{})
	payment := schemas.PaymentSuccess{
		PaymentID: "pay_7K2mQ9xT",
		Amount:    14900,
		Currency:  "EUR",
		Purpose:   schemas.PurposeCourse,
		Customer:  schemas.Person{ID: "usr_8f2c41", Email: "amara.okafor@example.com"},
	}
	ack, err := publisher.Publish(context.Background(), payment)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ack.Stream, ack.Sequence)

	payment.Currency = "euro"
	_, err = publisher.Publish(context.Background(), payment)
	fmt.Println(err)
	// Output:
	// EVENTS 1
	// publish payment.success: /payload/currency: does not match ^[A-Z]{3}$
}

// A publish that may have succeeded is repeated with the same event, which is
// stored once.
func ExamplePublisher_PublishEvent() {
	js, stop := serveExample()
	defer stop()

	publisher := subjects.NewPublisher(js, subjects.PublisherConfig{})
	refund, err := schemas.Wrap("payment.refunded", []byte(`{"payment_id":"pay_7K2mQ9xT"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		ack, err := publisher.PublishEvent(context.Background(), "payments.refunded", refund)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ack.Sequence, ack.Duplicate)
	}
	// Output:
	// 1 false
	// 1 true
}

// A service that must not wait hands events over, and keeps those that come
// back.
func ExamplePublisher_PublishAsync() {
	js, stop := serveExample()
	defer stop()

	publisher := subjects.NewPublisher(js, subjects.PublisherConfig{
		RetryFor: time.Second,
		OnError: func(failed *subjects.PublishError) {
			fmt.Println("keep", failed.Event.Type, errors.Is(failed, subjects.ErrNoStream))
		},
	})
	ctx := context.Background()
	err := publisher.PublishAsync(ctx, schemas.TicketStatusChanged{TicketID: "t1", PreviousStatus: "open", Status: "solved"})
	fmt.Println(err)
	err = publisher.PublishAsync(ctx, schemas.ErrorOccurred{ErrorID: "e1", Severity: schemas.SeverityLow, Service: "checkout"})
	fmt.Println(err)
	fmt.Println(publisher.Close(ctx))
	// Output:
	// <nil>
	// <nil>
	// keep error.occurred true
	// <nil>
}

func ExampleCheck() {
	event := []byte(`{"type":"ticket.status_changed","event_id":"e1","sent_at":"2026-02-18T09:00:00Z","payload":{"ticket_id":"t1"}}`)
	_, err := subjects.Check("tickets.status_changed", event)
	fmt.Println(err)
	// Output: /payload: missing "previous_status"; /payload: missing "status"
}

func ExampleMinimal() {
	fmt.Println(subjects.Minimal([]string{"payments.success", "payments.>", "cohorts.*.created"}))
	// Output: [payments.> cohorts.*.created]
}
