package subjects

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

// What a publish comes to when it does not succeed. They are found with
// errors.Is behind a *PublishError, those of the asynchronous form's acceptance
// (ErrBufferFull, ErrClosed, ErrNoOnError) also without one.
var (
	// ErrDisconnected: there was no connection to NATS for as long as the
	// publish might wait. The event was not sent.
	ErrDisconnected = errors.New("not connected to NATS, the event was not sent")
	// ErrNoAck: the event was sent, and no acknowledgement came in time. It may
	// have been stored; publishing the same event again is safe.
	ErrNoAck = errors.New("no acknowledgement in time, the event may have been stored")
	// ErrNoStream: no stream takes the subject.
	ErrNoStream = errors.New("no stream takes the subject")
	// ErrTooLarge: the event is larger than the NATS server allows.
	ErrTooLarge = errors.New("larger than the NATS server's max_payload")
	// ErrNotInCatalogue: a payload's type has no subject; PublishEvent takes one.
	ErrNotInCatalogue = errors.New("type is not in the catalogue, use PublishEvent with a subject")
	// ErrBufferFull: as many events wait already as the buffer holds.
	ErrBufferFull = errors.New("buffer is full")
	// ErrClosed: the publisher was closed.
	ErrClosed = errors.New("publisher is closed")
	// ErrNoOnError: the asynchronous form needs PublisherConfig.OnError, or an
	// event that could not be stored would vanish.
	ErrNoOnError = errors.New("asynchronous publishing needs PublisherConfig.OnError")
)

// PublishError says that a valid event was not acknowledged, and has the event:
// publishing it again with PublishEvent keeps its id, and so stores it once if
// that is within the stream's duplicate window, 10 minutes by default.
type PublishError struct {
	Subject string
	Event   *schemas.Event
	Err     error
}

// Error names the event and what happened, not the payload.
func (e *PublishError) Error() string {
	return fmt.Sprintf("publish %s %s to %s: %v", e.Event.Type, e.Event.ID, e.Subject, e.Err)
}

// Unwrap returns the cause.
func (e *PublishError) Unwrap() error { return e.Err }

// explain says what an error of nats.go means for an event, and what to do.
func explain(err error, msg *nats.Msg, limit int64) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w %s; create the stream or add the subject to it (makebridge setup)", ErrNoStream, msg.Subject)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %d bytes with headers, the limit is %d", ErrTooLarge, msg.Size()-len(msg.Subject), limit)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrNoAck, err)
	}
	var refusal *jetstream.APIError
	if errors.As(err, &refusal) {
		return refusal // without the second "nats: " that a publish puts before it
	}
	return err
}

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionDraining)
}
