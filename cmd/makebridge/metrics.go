package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/receipt"
	"github.com/makebridge/makebridge/bridge/telemetry"
	"github.com/makebridge/makebridge/bridge/webhook"
)

// newMetrics returns the metrics of a bridge. They may be scraped once the
// rotation knows the gate and all pipelines.
func newMetrics(cfg *config.Config, js jetstream.JetStream, o *rotation, routes routeStates, receipts *receipt.Recorder, log *slog.Logger) *telemetry.Metrics {
	c := telemetry.MetricsConfig{
		Version:   programVersion(),
		Now:       func() time.Time { return o.doors.Now() },
		Connected: js.Conn().IsConnected,
		Destination: func(route string) *bridge.Destination {
			return o.pipelines[route].Destination()
		},
		Held: func(route string) string {
			h, _ := o.doors.Holding(o.pipelines[route].Destination())
			return h.Reason
		},
		Ordered: routes.ordered,
		Logger:  log,
	}
	if receipts != nil {
		c.ReceiptsDropped = receipts.Dropped
	}
	for _, r := range cfg.Routes {
		c.Routes = append(c.Routes, r.Name)
	}
	c.Backlog = backlogOf(js, backlog.Config{
		Stream: cfg.Stream.Name, Bucket: cfg.Stream.Bucket, Routes: c.Routes, ReplicaLife: gate.ReplicaLife,
	})
	return telemetry.NewMetrics(c)
}

// backlogOf reads what waits for the routes as metrics have it. A route that
// could not be read is left out, and the error says why.
func backlogOf(js jetstream.JetStream, what backlog.Config) func(context.Context) ([]telemetry.Backlog, error) {
	return func(ctx context.Context) ([]telemetry.Backlog, error) {
		state, err := backlog.Read(ctx, js, what)
		if err == nil && !errors.As(state.SharedErr, new(*backlog.NoBucketError)) {
			err = state.SharedErr // what is parked is not known
		}
		if err != nil {
			return nil, err
		}
		var all []telemetry.Backlog
		for _, r := range state.Routes {
			err = errors.Join(err, r.Err)
			if !r.Known {
				continue
			}
			b := telemetry.Backlog{
				Route: r.Name, Pending: r.Pending, Parked: r.Parked, AckPending: r.AckPending, MaxAckPending: r.MaxAckPending,
			}
			if o := r.Oldest; o != nil {
				b.OldestAge = state.At.Sub(o.Published)
				if !o.Expires.IsZero() {
					left := o.Expires.Sub(state.At)
					b.OldestExpires = &left
				}
			}
			all = append(all, b)
		}
		return all, err
	}
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
