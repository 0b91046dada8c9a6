package subjects

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

const (
	defaultTimeout  = 5 * time.Second
	defaultBuffer   = 1024
	defaultRetryFor = 2 * time.Minute
	maxRetryFor     = 9 * time.Minute
)

// PublisherConfig says how a Publisher behaves; the zero value is usable for
// the synchronous form.
type PublisherConfig struct {
	// Timeout bounds one try to publish, waiting for a connection included;
	// 5 s if zero. A synchronous publish is one try, and ends earlier if its
	// context does.
	Timeout time.Duration
	// Trace returns the W3C Trace Context headers for what is going on in ctx;
	// empty ones are not sent. Nil: no trace is carried. A service that has
	// OpenTelemetry plugs in its propagator:
	//
	//	Trace: func(ctx context.Context) (string, string) {
	//		c := propagation.MapCarrier{}
	//		propagation.TraceContext{}.Inject(ctx, c)
	//		return c["traceparent"], c["tracestate"]
	//	}
	Trace func(ctx context.Context) (traceparent, tracestate string)

	// Buffer is how many events the asynchronous form holds until they are
	// acknowledged or reported; 1024 if zero.
	Buffer int
	// RetryFor is how long the asynchronous form tries to publish an event,
	// from when it was accepted; 2 min if zero. More than 9 min is taken as 9
	// min, so that all tries lie within a duplicate window of 10 min.
	RetryFor time.Duration
	// OnError is told of every event that the asynchronous form accepted and
	// could not publish, once for each, so that the service can keep it. Calls
	// come one after another, from a goroutine of the Publisher; OnError must
	// not call Close.
	OnError func(*PublishError)
}

// Publisher publishes events. It may be used by several goroutines. It neither
// opens nor closes the connection it was given.
type Publisher struct {
	js  jetstream.JetStream
	cfg PublisherConfig

	mu       sync.Mutex // guards closed, accepted, lanes and their queues
	closed   bool
	accepted int
	lanes    map[string]*lane

	running   sync.WaitGroup
	reporting sync.Mutex
}

// NewPublisher returns a Publisher on a JetStream context. Close it if the
// asynchronous form is used.
func NewPublisher(js jetstream.JetStream, cfg PublisherConfig) *Publisher {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Buffer <= 0 {
		cfg.Buffer = defaultBuffer
	}
	if cfg.RetryFor <= 0 {
		cfg.RetryFor = defaultRetryFor
	}
	cfg.RetryFor = min(cfg.RetryFor, maxRetryFor)
	return &Publisher{js: js, cfg: cfg, lanes: map[string]*lane{}}
}

// Publish wraps a payload into an event, checks it, publishes it on its type's
// subject and returns JetStream's acknowledgement: from then on the event is
// stored. It returns when ctx ends or after PublisherConfig.Timeout at the
// latest, also when NATS is away.
//
// The error is a *schemas.InvalidError, before anything was sent, or a
// *PublishError with the event, for another try.
func (p *Publisher) Publish(ctx context.Context, payload schemas.Payload) (*jetstream.PubAck, error) {
	subject, e, err := event(payload)
	if err != nil {
		return nil, err
	}
	return p.PublishEvent(ctx, subject, e)
}

// PublishEvent publishes an event on a subject as Publish does: one outside the
// catalogue, or one that could not be published before. The event keeps its id,
// so that a repeated publish is stored once. A subject that is not ForEvents is
// refused before anything is sent.
func (p *Publisher) PublishEvent(ctx context.Context, subject string, e *schemas.Event) (*jetstream.PubAck, error) {
	msg, err := p.message(ctx, subject, e)
	if err != nil {
		return nil, err
	}
	if p.isClosed() {
		return nil, &PublishError{Subject: subject, Event: e, Err: ErrClosed}
	}
	ack, err := p.try(ctx, msg)
	if err != nil {
		return nil, &PublishError{Subject: subject, Event: e, Err: err}
	}
	return ack, nil
}

func (p *Publisher) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func event(payload schemas.Payload) (string, *schemas.Event, error) {
	entry, ok := ByType(payload.EventType())
	if !ok {
		return "", nil, fmt.Errorf("publish %s: %w", payload.EventType(), ErrNotInCatalogue)
	}
	e, err := schemas.New(payload)
	if err != nil {
		return "", nil, fmt.Errorf("publish %s: %w", entry.Type, err)
	}
	return entry.Subject, e, nil
}

// message checks the event as it will travel, whoever made it.
func (p *Publisher) message(ctx context.Context, subject string, e *schemas.Event) (*nats.Msg, error) {
	if !ValidLiteral(subject) {
		return nil, fmt.Errorf("publish %s to %q: not a subject", e.Type, subject)
	}
	if !ForEvents(subject) {
		return nil, fmt.Errorf("publish %s to %s: not a subject for events: $… is NATS's own, dlq.> and receipt.> are the bridge's", e.Type, subject)
	}
	data, err := e.Encode()
	if err == nil {
		_, err = Check(subject, data)
	}
	if err != nil {
		return nil, fmt.Errorf("publish to %s: %w", subject, err)
	}
	msg := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{}}
	msg.Header.Set(jetstream.MsgIDHeader, e.ID)
	if p.cfg.Trace != nil {
		parent, state := p.cfg.Trace(ctx)
		for name, value := range map[string]string{"traceparent": parent, "tracestate": state} {
			if value != "" {
				msg.Header.Set(name, value)
			}
		}
	}
	return msg, nil
}

// try publishes once, within the timeout. It waits for the connection itself:
// what nats.go takes while it is disconnected goes out when the connection is
// back, however much later and whatever the caller was told meanwhile.
func (p *Publisher) try(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("not sent: %w", err)
	}
	nc := p.js.Conn()
	if err := connected(ctx, nc); err != nil {
		return nil, err
	}
	ack, err := p.js.PublishMsg(ctx, msg, opts...)
	if err != nil {
		return nil, explain(err, msg, nc.MaxPayload())
	}
	return ack, nil
}

func connected(ctx context.Context, nc *nats.Conn) error {
	if nc.IsConnected() {
		return nil
	}
	changed := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer nc.RemoveStatusListener(changed)
	for {
		// Looked at only now: before, nobody was listening for the change.
		if nc.IsConnected() {
			return nil
		}
		if nc.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrDisconnected, ctx.Err())
		}
	}
}
