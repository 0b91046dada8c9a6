package telemetry

import (
	"context"
	"log/slog"

	"github.com/makebridge/makebridge/bridge"
)

// Deliveries logs what became of each event, one line an event. Payloads are
// never part of it, nor are the answers of webhooks, which may repeat them.
type Deliveries struct {
	log *slog.Logger
}

// NewDeliveries returns the log of deliveries on l.
func NewDeliveries(l *slog.Logger) *Deliveries { return &Deliveries{l} }

// Settled writes the line of one event.
func (d *Deliveries) Settled(route string, m bridge.Message, v bridge.Verdict) {
	level, text := line(v.Outcome)
	ctx := context.Background()
	if v.Warning != "" {
		d.log.LogAttrs(ctx, slog.LevelWarn, "invalid event let through", slog.String("route", route),
			slog.String("subject", m.Subject), slog.String("event_id", v.EventID), slog.String("error", v.Warning))
	}
	if !d.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("route", route),
		slog.String("subject", m.Subject),
		slog.String("event_id", v.EventID),
		slog.String("type", v.Type),
		slog.Int("status", v.Status),
		slog.Int("attempt", v.Attempts),
		slog.Int("delivery", m.Delivery),
		slog.Int64("duration_ms", v.Duration.Milliseconds()),
		slog.Uint64("sequence", m.Sequence),
	}
	if v.Delay > 0 {
		attrs = append(attrs, slog.Int64("next_delivery_ms", v.Delay.Milliseconds()))
	}
	if v.Outcome == bridge.DeadLettered {
		attrs = append(attrs, slog.String("reason", v.Reason.String()))
	}
	// A rejection's error holds what the webhook answered, which may repeat the
	// payload; it is in the letter, and not for the log.
	if v.Error != "" && v.Reason != bridge.Rejected {
		attrs = append(attrs, slog.String("error", v.Error))
	}
	d.log.LogAttrs(ctx, level, text, attrs...) //nolint:sloglint // line returns constants
}

func line(o bridge.Outcome) (slog.Level, string) {
	switch o {
	case bridge.Delivered:
		return slog.LevelInfo, "event delivered"
	case bridge.Filtered:
		return slog.LevelInfo, "event filtered"
	case bridge.Retried:
		return slog.LevelWarn, "event not delivered, trying again later"
	case bridge.DeadLettered:
		return slog.LevelError, "event dead-lettered"
	case bridge.HandedBack:
		return slog.LevelInfo, "event handed back"
	}
	return slog.LevelError, "event settled in an unknown way"
}
