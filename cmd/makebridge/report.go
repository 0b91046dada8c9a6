package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
	adminreport "github.com/makebridge/makebridge/bridge/report"
	"github.com/makebridge/makebridge/bridge/stream"
)

// reports tells the admin route what the gate learns of destinations, route by
// route.
type reports struct {
	*adminreport.Reporter // nil while the admin route is off
	rotation              *rotation
}

// newReports returns reports that run once the rotation knows the gate.
func newReports(cfg *config.Config, js jetstream.JetStream, rotation *rotation, log *slog.Logger) reports {
	isAdmin := func(r bridge.Route) bool { return r.Name == adminreport.Route }
	if !slices.ContainsFunc(cfg.Routes, isAdmin) {
		return reports{rotation: rotation}
	}
	return reports{rotation: rotation, Reporter: adminreport.New(adminreport.Config{
		JetStream: js, Bucket: cfg.Stream.Bucket, Logger: log,
		Now: func() time.Time { return rotation.doors.Now() },
	})}
}

// held has the form of the gate's callback.
func (r reports) held(destination string, h gate.Hold) {
	r.Held(r.routesTo(destination), h.Destination, h.Reason, h.Status)
}

// recovered has the form of the gate's callback.
func (r reports) recovered(destination string, h gate.Hold, held time.Duration) {
	r.Recovered(r.routesTo(destination), h.Destination, held)
}

// routesTo returns the routes whose events go to a destination now.
func (r reports) routesTo(destination string) (routes []string) {
	for route, p := range r.rotation.pipelines {
		if p.Destination().URL.ID() == destination {
			routes = append(routes, route)
		}
	}
	return routes
}

// run reports until stop is called, which is after the last event was settled.
// It begins when the gate knows the server's clock.
func (r reports) run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-r.rotation.doors.Ready():
			r.Run(ctx)
		case <-ctx.Done(): // without the gate nothing has happened
		}
	}()
	return func() { cancel(); <-done }
}

// observers tells several observers.
type observers []stream.Observer

// Settled tells all of them, in order.
func (o observers) Settled(route string, m bridge.Message, v bridge.Verdict) {
	for _, one := range o {
		one.Settled(route, m, v)
	}
}
