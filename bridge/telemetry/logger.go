package telemetry

import (
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// Format is how log lines look.
type Format uint8

// The formats. The zero Format is invalid.
const (
	// FormatJSON writes one JSON object a line.
	FormatJSON Format = iota + 1
	// FormatText writes lines for people, without colour.
	FormatText
	// FormatColor writes lines for people at a terminal.
	FormatColor
)

// NewLogger returns a logger that writes to w what is at least of this level.
func NewLogger(w io.Writer, level slog.Level, format Format) *slog.Logger {
	if format == FormatJSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level: level, TimeFormat: time.TimeOnly, NoColor: format != FormatColor,
	}))
}
