// Package subjects says where events travel on NATS: which subject a type is
// published on, which route it takes, and which events must keep their order.
// Its Publisher is what a service publishes with.
//
//	publisher := subjects.NewPublisher(js, subjects.PublisherConfig{})
//	ack, err := publisher.Publish(ctx, schemas.PaymentSuccess{…})
//
// README.md is the page for those who write services.
package subjects
