package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/subjects"
)

// errTooLarge is a copy that the server does not take, errTooLong one whose subject
// it would end the connection for.
var (
	errTooLarge = errors.New("over the server's max_payload")
	errTooLong  = errors.New("too long for a server's max_control_line")
)

const (
	// mostLine is how long a line may be unless max_control_line of the server is
	// set, which it tells nobody.
	mostLine = 4096
	// besides is room for what a line has beside the subject and an inbox: two
	// lengths and spaces.
	besides = 32
)

// individual reports whether an error concerns one message only, so that others
// may go on.
func individual(err error) bool {
	var bad *unreadableError
	return errors.Is(err, errTooLarge) || errors.Is(err, errTooLong) || errors.As(err, &bad) || errors.Is(err, ErrNoLetter)
}

// unreadableError is a letter that cannot be made an event again.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// redelivery has events delivered by one route each, again.
type redelivery struct {
	js     jetstream.JetStream
	stream string
}

// message is the copy of an event that re-enters one route.
func (r redelivery) message(route, subject, id string, header nats.Header, body []byte) *nats.Msg {
	msg := nats.NewMsg(redeliverPrefix + route + "." + subject)
	msg.Header, msg.Data = carried(header), body
	msg.Header.Set(idHeader, id)
	return msg
}

// publish sends a copy when its turn has come, lets the next have its own, and
// waits until the server has stored it. It reports whether it was stored before.
func (r redelivery) publish(ctx context.Context, msg *nats.Msg, t turn, passed func()) (already bool, err error) {
	if err := t.wait(ctx); err != nil {
		return false, err
	}
	if most := mostLine - len(r.js.Conn().NewInbox()) - besides; len(msg.Subject) > most {
		return false, fmt.Errorf("the subject of its redelivery has %d bytes, %w of %d bytes, the default: deliver it by other means and discard it",
			len(msg.Subject), errTooLong, mostLine)
	}
	// The expected stream is a header too, which counts towards max_payload.
	future, err := r.js.PublishMsgAsync(msg, jetstream.WithExpectStream(r.stream))
	passed()
	if errors.Is(err, nats.ErrMaxPayload) {
		return false, fmt.Errorf("%d bytes with its headers, %w of %d bytes: raise that, or deliver it by other means and discard it",
			msg.Size()-len(msg.Subject)-len(msg.Reply), errTooLarge, r.js.Conn().MaxPayload())
	}
	if err != nil {
		return false, fmt.Errorf("publish to %s: %w", msg.Subject, err)
	}
	select {
	case ack := <-future.Ok():
		return ack.Duplicate, nil
	case err = <-future.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	return false, r.explain(msg.Subject, err)
}

// codes of the server's errors that say that a message went to the wrong place
// or is refused by the stream's own limit.
const (
	errStreamMismatch jetstream.ErrorCode = 10060
	errMessageSize    jetstream.ErrorCode = 10054
)

func (r redelivery) explain(subject string, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream takes %s: add it to stream %s with makebridge setup, or by running a bridge", subject, r.stream)
	case errors.As(err, &api) && api.ErrorCode == errStreamMismatch:
		return fmt.Errorf("%s is held by another stream than %s: see BRIDGE_STREAM and makebridge check", subject, r.stream)
	case errors.As(err, &api) && api.ErrorCode == errMessageSize:
		return fmt.Errorf("larger than stream %s allows a message to be, %w", r.stream, errTooLarge)
	}
	return fmt.Errorf("publish to %s: %w", subject, err)
}

// NoConsumerError says that nobody would take what is redelivered to a route:
// it would stay in the stream until that drops it.
type NoConsumerError struct{ Route, Stream string }

// Error says what to do.
func (e *NoConsumerError) Error() string {
	return fmt.Sprintf("no consumer of %s takes redeliver.%s.>: turn the route on and start a bridge, or run makebridge setup with it on, then replay again",
		e.Stream, e.Route)
}

// consumed returns the subjects that a route takes, those of redeliveries
// aside. It returns a *NoConsumerError where no consumer of the route's name
// takes redeliveries to it.
func consumed(ctx context.Context, s jetstream.Stream, stream, route string) ([]string, error) {
	c, err := s.Consumer(ctx, route)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrNotPullConsumer):
		return nil, &NoConsumerError{route, stream}
	case err != nil:
		return nil, fmt.Errorf("look up consumer %s of %s: %w", route, stream, err)
	}
	config := c.CachedInfo().Config
	filters := config.FilterSubjects
	if config.FilterSubject != "" {
		filters = []string{config.FilterSubject}
	}
	var taken []string
	back := false
	for _, f := range filters {
		if subjects.Overlap(f, redeliverPrefix+">") {
			back = back || subjects.Covers(f, redeliverPrefix+route+".>")
			continue
		}
		taken = append(taken, f)
	}
	if !back {
		return nil, &NoConsumerError{route, stream}
	}
	return taken, nil
}
