package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/telemetry"
	"github.com/makebridge/makebridge/bridge/webhook"
)

// newMetrics returns the metrics of a bridge. They may be scraped once the
// rotation knows the gate and all pipelines.
func newMetrics(cfg *config.Config, nc *nats.Conn, o *rotation, log *slog.Logger) *telemetry.Metrics {
	c := telemetry.MetricsConfig{
		Version:   programVersion(),
		Now:       func() time.Time { return o.doors.Now() },
		Connected: nc.IsConnected,
		Destination: func(route string) *bridge.Destination {
			return o.pipelines[route].Destination()
		},
		Held: func(route string) string {
			h, _ := o.doors.Holding(o.pipelines[route].Destination())
			return h.Reason
		},
		Logger: log,
	}
	for _, r := range cfg.Routes {
		c.Routes = append(c.Routes, r.Name)
	}
	return telemetry.NewMetrics(c)
}

// answered has the form of the webhook client's hook.
func answered(m *telemetry.Metrics) func(webhook.Attempt) {
	return func(a webhook.Attempt) { m.Answered(a.Request, a.Code, a.Answer, a.Duration) }
}

// runMetrics keeps them up to date until stop is called or ctx is done.
func runMetrics(ctx context.Context, m *telemetry.Metrics) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	return func() { cancel(); <-done }
}
