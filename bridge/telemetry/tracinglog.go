package telemetry

import (
	"log/slog"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// hearLibrary has the OpenTelemetry library say in the log, instead of on standard
// error, what it puts up with.
func hearLibrary(log *slog.Logger) {
	otel.SetLogger(logr.New(librarySink{log}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("OpenTelemetry reports an error", "error", err)
	}))
}

// librarySink passes on errors, without the values that come with them: those of
// OTEL_EXPORTER_OTLP_HEADERS are secret.
type librarySink struct{ log *slog.Logger }

func (librarySink) Init(logr.RuntimeInfo)            {}
func (librarySink) Enabled(int) bool                 { return false }
func (librarySink) Info(int, string, ...any)         {}
func (s librarySink) WithValues(...any) logr.LogSink { return s }
func (s librarySink) WithName(string) logr.LogSink   { return s }
func (s librarySink) Error(err error, msg string, _ ...any) {
	s.log.Warn("OpenTelemetry reports an error", "what", msg, "error", err)
}
