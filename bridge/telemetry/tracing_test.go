package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/makebridge/makebridge/bridge"
)

// received is one request at a collector.
type received struct {
	*collector.ExportTraceServiceRequest
	token string
}

func await(t *testing.T, got chan received) received {
	t.Helper()
	select {
	case r := <-got:
		return r
	case <-time.After(time.Minute):
		t.Fatal("no spans came")
		return received{}
	}
}

// overHTTP starts a collector that listens as OTLP over HTTP has it.
func overHTTP(t *testing.T) (endpoint string, got chan received) {
	t.Helper()
	got = make(chan received, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		q, decode := &collector.ExportTraceServiceRequest{}, proto.Unmarshal
		if r.Header.Get("Content-Type") == "application/json" {
			decode = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal
		}
		if err := decode(body, q); err != nil {
			t.Errorf("%s: %v", r.Header.Get("Content-Type"), err)
		}
		got <- received{q, r.Header.Get("Token")}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

type grpcCollector struct {
	collector.UnimplementedTraceServiceServer
	got chan received
}

func (c grpcCollector) Export(ctx context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	c.got <- received{q, strings.Join(md.Get("token"), "")}
	return &collector.ExportTraceServiceResponse{}, nil
}

// overGRPC starts a collector that listens as OTLP over gRPC has it.
func overGRPC(t *testing.T) (endpoint string, got chan received) {
	t.Helper()
	got = make(chan received, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, grpcCollector{got: got})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return "http://" + listener.Addr().String(), got
}

// clearTracing makes sure that no variable of the caller's counts.
func clearTracing(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
	} {
		t.Setenv(name, "")
	}
}

func startTracing(t *testing.T) *Tracing {
	t.Helper()
	tracing, err := StartTracing(t.Context(), "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tracing
}

type handlerFunc func(context.Context, bridge.Message) bridge.Verdict

func (f handlerFunc) Handle(ctx context.Context, m bridge.Message) bridge.Verdict { return f(ctx, m) }

// oneEvent takes one event through the handler and has it settled.
func oneEvent(t *testing.T, tracing *Tracing) {
	t.Helper()
	m := bridge.Message{Subject: "payments.success", Sequence: 1}
	v := tracing.Handler("payments", handlerFunc(func(context.Context, bridge.Message) bridge.Verdict {
		return bridge.Verdict{Outcome: bridge.Delivered, EventID: "event-1"}
	})).Handle(t.Context(), m)
	tracing.Settled("payments", m, v)
}

func TestStandardVariablesSayWhereSpansGo(t *testing.T) {
	for _, tt := range []struct {
		protocol string
		start    func(*testing.T) (string, chan received)
	}{{"", overHTTP}, {"http/protobuf", overHTTP}, {"http/json", overHTTP}, {"grpc", overGRPC}} {
		t.Run(tt.protocol, func(t *testing.T) {
			clearTracing(t)
			endpoint, got := tt.start(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", tt.protocol)
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "token=of-mine")
			t.Setenv("OTEL_SERVICE_NAME", "bridge-of-mine")
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
			tracing := startTracing(t)

			oneEvent(t, tracing)
			tracing.Close(t.Context())

			r := await(t, got)
			about := map[string]string{}
			for _, a := range r.ResourceSpans[0].Resource.Attributes {
				about[a.Key] = a.Value.GetStringValue()
			}
			if r.token != "of-mine" || about["service.name"] != "bridge-of-mine" || about["service.version"] != "1.2.3" ||
				about["deployment.environment.name"] != "staging" {
				t.Errorf("token %q, resource %v", r.token, about)
			}
			var names []string
			for _, s := range r.ResourceSpans[0].ScopeSpans[0].Spans {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff([]string{"settle", "process payments"}, names); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSamplerIsObeyed(t *testing.T) {
	clearTracing(t)
	endpoint, got := overHTTP(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	tracing := startTracing(t)
	oneEvent(t, tracing)
	tracing.Close(t.Context())
	if len(got) > 0 {
		t.Error("spans were sent")
	}
}

// TestWithoutAnEndpointThereIsNothing: no goroutine, which TestMain sees to, and
// nothing in the way of an event.
func TestWithoutAnEndpointThereIsNothing(t *testing.T) {
	endpoint, got := overHTTP(t)
	for name, variables := range map[string][]string{
		"no endpoint": {},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, "OTEL_SDK_DISABLED", "True"},
		"no exporter": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint + "/v1/traces", "OTEL_TRACES_EXPORTER", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			clearTracing(t)
			for i := 0; i < len(variables); i += 2 {
				t.Setenv(variables[i], variables[i+1])
			}
			tracing := startTracing(t)
			if tracing != nil {
				t.Fatal("spans are made")
			}
			handler, gate := &tracedHandler{}, &tracedGate{}
			if tracing.Handler("payments", handler) != Handler(handler) || tracing.Gate(gate) != bridge.Gate(gate) || tracing.Requests() != nil {
				t.Error("something is wrapped")
			}
			tracing.Settled("payments", bridge.Message{}, bridge.Verdict{})
			tracing.Close(t.Context())
		})
	}
	if len(got) > 0 {
		t.Error("spans were sent")
	}
}

func TestUnknownProtocolIsNamed(t *testing.T) {
	clearTracing(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "carrier-pigeon")
	_, err := StartTracing(t.Context(), "1.2.3", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: must be") {
		t.Errorf("error %v", err)
	}
}

// TestStandardVariablesThatAreWrongAreNamed, all of them and without their values,
// where traces are asked for.
func TestStandardVariablesThatAreWrongAreNamed(t *testing.T) {
	for _, row := range []struct {
		set  map[string]string
		want string
	}{
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "::bad"}, "OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL, such as http://127.0.0.1:4318"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be a URL, such as http://127.0.0.1:4318"},
		{
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector", "OTEL_EXPORTER_OTLP_PROTOCOL": "bad", "OTEL_TRACES_SAMPLER": "bad"},
			"OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf, http/json or grpc\n" +
				"OTEL_TRACES_SAMPLER: must be always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
		},
		{
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.5"},
			"OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1",
		},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_TRACES_SAMPLER": "TraceIDRatio", "OTEL_TRACES_SAMPLER_ARG": "0.5", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ""},
		{map[string]string{"OTEL_TRACES_SAMPLER": "bad"}, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "::bad", "OTEL_SDK_DISABLED": "true"}, ""},
	} {
		clearTracing(t)
		for variable, value := range row.set {
			t.Setenv(variable, value)
		}
		var got []string
		for _, wrong := range CheckTracing() {
			got = append(got, wrong.Error())
		}
		if said := strings.Join(got, "\n"); said != row.want {
			t.Errorf("%v: said %q, want %q", row.set, said, row.want)
		}
	}
}

// TestWhatTheLibraryPutsUpWithIsLogged, and of secrets only that they are wrong.
func TestWhatTheLibraryPutsUpWithIsLogged(t *testing.T) {
	clearTracing(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "canary")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	var log strings.Builder
	tracing, err := StartTracing(t.Context(), "1.2.3", NewLogger(&log, slog.LevelInfo, FormatJSON))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hearLibrary(slog.New(slog.DiscardHandler)) })
	tracing.Close(t.Context())
	if !strings.Contains(log.String(), `"what":"parse headers"`) || strings.Contains(log.String(), "canary") {
		t.Errorf("logged %s", &log)
	}
}

// TestSpansThatCannotBeSentAreToldOfOnce: the bridge goes on, and its log stays
// readable.
func TestSpansThatCannotBeSentAreToldOfOnce(t *testing.T) {
	clearTracing(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	t.Cleanup(s.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	var log strings.Builder
	tracing, err := StartTracing(t.Context(), "1.2.3", NewLogger(&log, slog.LevelInfo, FormatText))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		oneEvent(t, tracing)
		if err := tracing.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	tracing.Close(t.Context())
	if n := strings.Count(log.String(), "spans not sent"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
}

// TestSpansOfEventsThatAreNotSettledEnd: they are the ones to look at.
func TestSpansOfEventsThatAreNotSettledEnd(t *testing.T) {
	clearTracing(t)
	endpoint, got := overHTTP(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	tracing := startTracing(t)
	func() {
		defer func() { _ = recover() }()
		tracing.Handler("payments", handlerFunc(func(context.Context, bridge.Message) bridge.Verdict { panic("poison") })).
			Handle(t.Context(), bridge.Message{Sequence: 1, Published: time.Now()})
	}()
	tracing.Close(t.Context())
	spans := await(t, got).ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 2 || spans[1].Name != "process payments" || spans[1].Status.Message != "not settled" {
		t.Errorf("spans %v", spans)
	}
}
