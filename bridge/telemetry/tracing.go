package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// tracingStop bounds sending the last spans at the end.
	tracingStop = 3 * time.Second
	// exportQuiet is how long nothing more is said of spans that could not be
	// sent.
	exportQuiet = time.Minute
)

// Tracing makes the spans of events and sends them to an OpenTelemetry
// collector, in the background. What it cannot send in time it drops.
//
// A nil *Tracing is valid: it makes no spans, and its wrappers return what they
// were given.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer

	open sync.Map // eventKey → *openEvent: handled, and not settled yet
}

// StartTracing returns the tracing that the standard OTEL_ variables of the
// process ask for, nil where they ask for none: neither
// OTEL_EXPORTER_OTLP_ENDPOINT nor OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, or
// OTEL_SDK_DISABLED is true, or OTEL_TRACES_EXPORTER is none. It does not wait
// for the collector. Its error names the variable that is wrong, if it is one of those
// that the library does not put up with; see CheckTracing. End it with Close.
//
// The variables are read by the OpenTelemetry library too, and so only from the
// process: a .env file does not count.
func StartTracing(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	if !tracingWanted() {
		return nil, nil //nolint:nilnil // a nil Tracing is valid
	}
	hearLibrary(log)
	about, err := resource.New(ctx,
		resource.WithHost(), resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("makebridge"), semconv.ServiceVersion(version)),
		resource.WithFromEnv(), // the last one wins
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithBatcher(&loggedExporter{SpanExporter: exporter, log: log}),
	)
	return &Tracing{provider: provider, tracer: provider.Tracer("github.com/makebridge/makebridge")}, nil
}

func tracingWanted() bool {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	return endpoint != "" && !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

// newExporter chooses by the protocol; all else it leaves to the exporters.
func newExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	variable := "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	if os.Getenv(variable) == "" {
		variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
	}
	var (
		exporter sdktrace.SpanExporter
		err      error
	)
	switch strings.ToLower(strings.TrimSpace(os.Getenv(variable))) {
	case "", "http/protobuf", "http/json":
		exporter, err = otlptracehttp.New(ctx)
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	default:
		return nil, &VariableError{variable, "must be " + listed(protocols())}
	}
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_…: %w", err)
	}
	return exporter, nil
}

// Close ends what is open and sends what is left, within a few seconds. Call it
// when the last event was settled.
func (t *Tracing) Close(ctx context.Context) {
	if t == nil {
		return
	}
	t.abandon()
	ctx, cancel := context.WithTimeout(ctx, tracingStop)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // loggedExporter has told
}

// loggedExporter says, now and then, why spans were not sent. By itself the
// library would print it.
type loggedExporter struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	told time.Time // the processor exports one batch at a time
}

// ExportSpans is of sdktrace.SpanExporter; its error is always nil.
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && time.Since(e.told) > exportQuiet {
		e.told = time.Now()
		e.log.Warn("spans not sent to the collector of OTEL_EXPORTER_OTLP_ENDPOINT", "spans", len(spans), "error", err)
	}
	return nil
}
