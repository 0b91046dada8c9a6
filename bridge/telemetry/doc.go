// Package telemetry is what the bridge tells about itself: logs of what became
// of each event, metrics for Prometheus, and traces for OpenTelemetry.
//
//	webhook ─ each request ─→ Metrics, Tracing        gate ─ waits, holds ─→ Metrics
//	stream ─ each settled event ─→ Deliveries, Metrics, Tracing
//
// What it has to know of other rooms comes as plain values and functions: it
// imports the core, and no other adapter. Nothing here may fail or delay an
// event: there is no network on an event's way, and what cannot be told is
// dropped.
//
// Nothing that it tells holds a secret or a payload: a destination is its
// fingerprint, or only its host.
//
// # Traces
//
// Spans go to an OpenTelemetry collector when the standard variable
// OTEL_EXPORTER_OTLP_ENDPOINT is set. Without it there are none: nothing is
// wrapped, no goroutine runs, and a request carries the event's own traceparent
// and tracestate untouched. With it, a request carries those of its own span,
// which is in the same trace; so what make.com calls next hangs below the
// request that caused it, and not beside it. A sampled-out event's request has
// them too, with the flag that says so.
//
// # Cardinality
//
// Metrics are labelled by route, of which there are as many as the
// configuration has, and beside that by values of small closed sets; the code of
// an answer is its status, so at most 900. Subjects, types and ids of events are
// for logs and traces.
package telemetry
