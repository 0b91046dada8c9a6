package telemetry

import (
	"context"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/makebridge/makebridge/bridge"
)

// The spans of one delivery of an event, in the publisher's trace where the
// event carries one:
//
//	process <route>          from its handling until it is settled
//	├─ wait at gate          for a hold or the pace, before each request
//	├─ POST                  each request; its span is the parent that
//	│                        make.com is told of
//	└─ settle                until the server has confirmed
//
// Values of a payload are in none of them, nor is what a webhook answered, which
// may repeat them; of a webhook's address there is the host.

// Handler decides what becomes of a message; a bridge.Pipeline does.
type Handler interface {
	Handle(ctx context.Context, m bridge.Message) bridge.Verdict
}

// eventKey tells apart what is in hand, also over a stream that was created
// again.
type eventKey struct {
	route     string
	sequence  uint64
	published int64
}

func keyOf(route string, m bridge.Message) eventKey {
	return eventKey{route, m.Sequence, m.Published.UnixNano()}
}

// openEvent is an event that was handled and is not settled yet.
type openEvent struct{ event, settle trace.Span }

// Handler returns a handler that does what next does within the span of the
// event. The span ends when Settled is told of it.
func (t *Tracing) Handler(route string, next Handler) Handler {
	if t == nil {
		return next
	}
	return &tracedHandler{t, route, next}
}

type tracedHandler struct {
	*Tracing
	route string
	next  Handler
}

// Spare passes on what the handler could do with, if it says so.
func (h *tracedHandler) Spare() int {
	if next, ok := h.next.(interface{ Spare() int }); ok {
		return next.Spare()
	}
	return 0
}

// Handle is of Handler.
func (h *tracedHandler) Handle(ctx context.Context, m bridge.Message) bridge.Verdict {
	ctx, span := h.tracer.Start(withPublisher(ctx, m), "process "+h.route,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			semconv.MessagingSystemKey.String("nats"),
			semconv.MessagingOperationTypeProcess,
			semconv.MessagingOperationName("process"),
			semconv.MessagingDestinationName(m.Subject),
			semconv.MessagingConsumerGroupName(h.route),
			semconv.MessagingMessageBodySize(len(m.Body)),
			attribute.Int64("makebridge.sequence", int64(m.Sequence)), //nolint:gosec // a stream has fewer events
			attribute.Int("makebridge.delivery", m.Delivery),
		))
	defer func() { // also when next panics: the event is settled all the same
		_, settle := h.tracer.Start(ctx, "settle")
		h.open.Store(keyOf(h.route, m), &openEvent{span, settle})
	}()
	return h.next.Handle(ctx, m)
}

// withPublisher makes the span that the event was published in the parent.
func withPublisher(ctx context.Context, m bridge.Message) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": m.TraceParent, "tracestate": m.TraceState})
}

// Settled ends the span of an event, by what became of it.
func (t *Tracing) Settled(route string, m bridge.Message, v bridge.Verdict) {
	if t == nil {
		return
	}
	found, ok := t.open.LoadAndDelete(keyOf(route, m))
	if !ok {
		return // it was never handled
	}
	e := found.(*openEvent)
	e.settle.End()
	e.event.SetAttributes(
		semconv.MessagingMessageID(v.EventID),
		attribute.String("makebridge.event_type", v.Type),
		attribute.String("makebridge.outcome", v.Outcome.String()),
		attribute.Int("makebridge.attempts", v.Attempts),
	)
	switch v.Outcome {
	case bridge.Retried:
		e.event.SetStatus(codes.Error, "put off to a redelivery")
	case bridge.DeadLettered:
		e.event.SetAttributes(semconv.ErrorTypeKey.String(v.Reason.String()))
		e.event.SetStatus(codes.Error, "dead-lettered as "+v.Reason.String())
	case bridge.Delivered, bridge.Filtered, bridge.HandedBack:
	}
	e.event.End()
}

// abandon ends the spans of events that were not settled by the end.
func (t *Tracing) abandon() {
	t.open.Range(func(key, value any) bool {
		e := value.(*openEvent)
		e.settle.SetStatus(codes.Error, "not settled")
		e.settle.End()
		e.event.SetStatus(codes.Error, "not settled")
		e.event.End()
		t.open.Delete(key)
		return true
	})
}

// Gate returns a gate that does what next does, with a span for each wait.
func (t *Tracing) Gate(next bridge.Gate) bridge.Gate {
	if t == nil {
		return next
	}
	return &tracedGate{next, t.tracer}
}

type tracedGate struct {
	bridge.Gate
	tracer trace.Tracer
}

// Enter is of bridge.Gate.
func (g *tracedGate) Enter(ctx context.Context, d *bridge.Destination, m bridge.Message) (bridge.Pass, error) {
	ctx, span := g.tracer.Start(ctx, "wait at gate", trace.WithAttributes(attribute.Bool("makebridge.held", g.Held(d))))
	defer span.End()
	pass, err := g.Gate.Enter(ctx, d, m)
	span.SetAttributes(attribute.Bool("makebridge.probe", pass.Probe))
	return pass, err
}

// Again is of bridge.Gate.
func (g *tracedGate) Again(ctx context.Context, d *bridge.Destination) error {
	ctx, span := g.tracer.Start(ctx, "wait at gate")
	defer span.End()
	return g.Gate.Again(ctx, d)
}

// Requests returns what makes a span for each request and has it sent with the
// request, in the form of the webhook client's hook; nil where t is nil, so that
// the event's own headers are sent.
func (t *Tracing) Requests() func(context.Context, bridge.Request, int) (parent, state string, end func(string, bridge.Answer)) {
	if t == nil {
		return nil
	}
	return t.request
}

func (t *Tracing) request(ctx context.Context, r bridge.Request, number int) (parent, state string, end func(string, bridge.Answer)) {
	ctx, span := t.tracer.Start(ctx, "POST", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.HTTPRequestMethodPost,
		semconv.HTTPRequestResendCount(number-1),
		attribute.String("makebridge.destination", r.Destination.URL.String()),
	))
	span.SetAttributes(server(r.Destination)...)
	headers := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, headers)
	return headers["traceparent"], headers["tracestate"], func(code string, a bridge.Answer) {
		defer span.End()
		if a.Status != 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(a.Status))
		}
		if a.Class != bridge.ClassDelivered {
			span.SetAttributes(semconv.ErrorTypeKey.String(code))
			span.SetStatus(codes.Error, a.Class.String())
		}
	}
}

// server is the host of a destination, and its port where the address has one.
// It is taken from the fingerprint, which holds nothing more.
func server(d *bridge.Destination) []attribute.KeyValue {
	host, _, _ := strings.Cut(d.URL.String(), "#")
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(host)}
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(name)}
	}
	return []attribute.KeyValue{semconv.ServerAddress(name), semconv.ServerPort(number)}
}
