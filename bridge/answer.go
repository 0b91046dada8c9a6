package bridge

import (
	"context"
	"time"
)

// Class is what an answer of a webhook means for the event and for its
// destination.
type Class uint8

// The classes. The zero Class is invalid.
const (
	// ClassDelivered: 2xx, make.com has the event.
	ClassDelivered Class = iota + 1
	// ClassFailed: 5xx, 408, 425, 407 of a proxy, a timeout, a broken connection.
	// Worth trying again; counts against the event.
	ClassFailed
	// ClassBackpressure: 429, a full queue, 503 with Retry-After. The
	// destination asks for a pause; counts against no event.
	ClassBackpressure
	// ClassMisconfigured: 401, 403, 404, 410, any 3xx, a certificate error. The
	// destination does not work until somebody mends it; counts against no event.
	ClassMisconfigured
	// ClassRejected: any other answer. The event will never be accepted.
	ClassRejected
	// ClassInterrupted: the delivery ended before it had used its requests,
	// because the bridge stops, or the destination was held or replaced
	// meanwhile.
	ClassInterrupted
)

// String returns the class's name.
func (c Class) String() string {
	return [...]string{"", "delivered", "failed", "backpressure", "misconfigured", "rejected", "interrupted"}[c]
}

// Answer is how a delivery ended: the class of its last request's answer.
type Answer struct {
	Class Class
	// Status is the HTTP status, 0 where none came.
	Status int
	// RetryAfter is how long a backpressure answer asks to wait, 0 if it does
	// not say.
	RetryAfter time.Duration
	// Detail says what happened, in one printable line without secrets. Of a
	// rejection it holds the status and the first 256 bytes of the body; of a
	// failure to connect at most as many of its error.
	Detail string
	// Attempts is how many requests were sent.
	Attempts int
}

// Request is one delivery of an event: up to MaxAttempts POSTs of one body.
type Request struct {
	// Route is the name of the route that the event is delivered for.
	Route                   string
	Destination             *Destination
	EventID, Type, Subject  string
	Body                    []byte
	TraceParent, TraceState string
	// Published is when the event was stored, by the server's clock; zero where
	// it never was.
	Published time.Time
	// Delivery is JetStream's delivery count, Attempt the number of the first
	// request within it; both from 1.
	Delivery, Attempt int
	// MaxAttempts bounds the requests of this delivery, Timeout each of them.
	MaxAttempts int
	Timeout     time.Duration
	// Mark, where set, is called right before each request, and what it returns
	// once its answer was read, by the goroutine that delivers: Caution.Mark.
	Mark func(context.Context) (done func())
}
