package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// spans is an OpenTelemetry collector that keeps what it gets.
type spans struct {
	mu  sync.Mutex
	all []*tracepb.Span
}

// collectSpans starts a collector and points the process's variables at it.
func collectSpans(t *testing.T) *spans {
	t.Helper()
	s := &spans{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		q := &collector.ExportTraceServiceRequest{}
		if err != nil || proto.Unmarshal(body, q) != nil {
			t.Errorf("not a request of OTLP: %v", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, resource := range q.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				s.all = append(s.all, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return s
}

// tree draws the spans below a parent, in the order of their start, each with
// some of its attributes.
func (s *spans) tree(parent []byte, indent string, attributes ...string) (lines []string) {
	var children []*tracepb.Span
	for _, span := range s.all {
		if string(span.ParentSpanId) == string(parent) {
			children = append(children, span)
		}
	}
	slices.SortFunc(children, func(a, b *tracepb.Span) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
	for _, span := range children {
		line := indent + span.Name
		for _, a := range span.Attributes {
			if slices.Contains(attributes, a.Key) {
				line += fmt.Sprintf(" %s=%s%d", a.Key, a.Value.GetStringValue(), a.Value.GetIntValue())
			}
		}
		lines = append(append(lines, line), s.tree(span.SpanId, indent+"  ", attributes...)...)
	}
	return lines
}

// TestTraceReachesFromThePublisherToTheWebhook: the bridge's spans are in the
// publisher's trace, and the webhook is told of the span of its request.
func TestTraceReachesFromThePublisherToTheWebhook(t *testing.T) {
	collected := collectSpans(t)
	w := newWorld(t, embedded.Config{}, standin.Config{})
	const canary = "uRlCaNaRy"
	w.makecom.Script(canary, standin.Status(500), standin.Reset(), standin.StatusWith(422, nil, "AnSwErCaNaRy"))
	p := w.start("BRIDGE_DELIVERY_ATTEMPTS=2", "MAKE_WEBHOOK_MESSAGES_URL="+w.makecom.URL(canary), "MAKE_WEBHOOK_MESSAGES_API_KEY=kEyCaNaRy")
	w.consumer("messages")
	w.eventually("the bridge to be ready", func() bool { status, _ := p.health("/readyz"); return status == http.StatusOK })

	publisher := subjects.NewPublisher(w.js, subjects.PublisherConfig{Trace: func(ctx context.Context) (string, string) {
		c := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, c)
		return c["traceparent"], c["tracestate"]
	}})
	of := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	person := schemas.Person{ID: "p", Email: "pAyLoAdCaNaRy@example.com"}
	if _, err := publisher.Publish(trace.ContextWithSpanContext(t.Context(), of), schemas.MessageSent{
		MessageID: "m", Sender: person, Recipient: person, Body: "pAyLoAdCaNaRy",
	}); err != nil {
		t.Fatal(err)
	}
	arrivals := w.arrived(3)
	w.settled("messages")
	p.end() // which sends what is left

	parent := of.SpanID()
	const consumer = "process messages messaging.system=nats0 messaging.destination.name=messages.sent0 makebridge.delivery=%d makebridge.outcome=%s0"
	want := []string{
		fmt.Sprintf(consumer, 1, "retried"),
		"  wait at gate",
		"  POST server.address=127.0.0.10 http.response.status_code=500",
		"  wait at gate",
		"  POST server.address=127.0.0.10 error.type=error0",
		"  settle",
		fmt.Sprintf(consumer, 2, "dead_lettered") + " error.type=rejected0",
		"  wait at gate",
		"  POST server.address=127.0.0.10 http.response.status_code=422",
		"  settle",
	}
	got := collected.tree(parent[:], "", "messaging.system", "messaging.destination.name", "makebridge.delivery", "makebridge.outcome",
		"server.address", "http.response.status_code", "error.type")
	for i, line := range got { // a status is enough
		got[i] = strings.NewReplacer(" error.type=5000", "", " error.type=4220", "").Replace(line)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	sent := map[string]bool{}
	for _, s := range collected.all {
		if s.Name == "POST" {
			sent["00-"+hex.EncodeToString(s.TraceId)+"-"+hex.EncodeToString(s.SpanId)+"-01"] = true
		}
		if text := strings.ToLower(prototext.Format(s)); strings.Contains(text, "canary") {
			t.Errorf("a secret or a payload shows in a span:\n%s", text)
		}
	}
	for _, a := range arrivals {
		if id := a.Header.Get("traceparent"); !sent[id] || !strings.Contains(id, of.TraceID().String()) {
			t.Errorf("traceparent %s is that of no request in the publisher's trace", id)
		}
	}
}
