package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/admin"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/stream"
	"github.com/makebridge/makebridge/bridge/telemetry"
	"github.com/makebridge/makebridge/bridge/webhook"
)

// runBridge puts the bridge together and runs it until ctx is done and
// everything in flight is settled. The observer is told of every settled event.
func runBridge(ctx context.Context, cfg *config.Config, log *slog.Logger, observer stream.Observer) error {
	if err := checkTracing(); err != nil {
		return err
	}
	stopped := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	nc, js, err := connect(cfg.NATS, log, func(err error) {
		end(fmt.Errorf("the NATS server has ended the connection: %w", err))
	})
	if err != nil {
		return err
	}
	defer nc.Close()
	defer partInTime(ctx, nc, cfg.ShutdownTimeout+parting, log)()
	tracing, err := telemetry.StartTracing(ctx, programVersion(), log)
	if err != nil {
		return fmt.Errorf("start traces: %w", err)
	}
	defer tracing.Close(context.WithoutCancel(ctx))
	replica := nuid.Next()
	rotation := newRotation(log)
	receipts := newReceipts(cfg, js, replica, log)
	var supervisor *stream.Supervisor // there is one before anybody asks
	states := routeStates(func() []stream.RouteState { return supervisor.Routes() })
	metrics := newMetrics(cfg, js, rotation, states, receipts, log)
	client := webhook.New(webhook.Config{
		Version: programVersion(), BackoffMin: cfg.Delivery.BackoffMin, BackoffMax: cfg.Delivery.BackoffMax,
		MaxConns: mostInFlight(cfg.Routes), Logger: log,
		Sending: metrics.Sending, Observe: answered(metrics), Trace: tracing.Requests(),
	})
	defer client.Close()
	rotation.client = client
	toAdmin := newReports(cfg, js, rotation, log)
	doors := newGate(cfg, js, replica, log, rotation, toAdmin)
	rotation.doors = doors
	service := newFleetService(cfg, nc, replica, rotation, states, log)
	supervisor = stream.NewSupervisor(stream.SupervisorConfig{
		JetStream: js,
		Prepare:   func(ctx context.Context) error { return awaitHolds(ctx, doors) },
		Settings:  streamSettings(cfg),
		Routes:    pointers(cfg.Routes),
		Off:       routesOff(cfg),
		Acquire:   acquireLeases(cfg, js, replica, log),
		Handler: func(r *bridge.Route) stream.Handler {
			door := tracing.Gate(doors.Paced(metrics.Paced(r.Name)))
			return tracing.Handler(r.Name, rotation.follow(r.Name, newPipeline(cfg, r, client, door, doors.Now)))
		},
		Observer: observers{observer, metrics, tracing, toAdmin, receipts, service},
		Delay:    retryPolicy(cfg).Delay,
		Now:      doors.Now,
		Logger:   log,
	})
	rotation.bringBack = supervisor.BringBack
	defer runGate(ctx, doors)()
	defer toAdmin.run(ctx)()
	defer runReceipts(ctx, receipts)()
	defer runMetrics(ctx, metrics)()
	stopHealth, err := serveHealth(ctx, admin.Config{
		Addr: cfg.HTTPAddr, Metrics: metrics.Handler(), Profiles: cfg.Profiles,
	}, log, nc, supervisor)
	if err != nil {
		return err
	}
	defer stopHealth()
	defer rotation.run(ctx, cfg)()
	defer runFleetService(ctx, service)()
	log.Info("makebridge starts", "version", programVersion(), "routes", len(cfg.Routes))
	defer context.AfterFunc(ctx, func() {
		log.Info("makebridge stops, finishing what is in flight", "events", running(supervisor), "at_most_ms", cfg.ShutdownTimeout.Milliseconds())
	})()
	supervisor.Run(ctx, cfg.ShutdownTimeout)
	rotation.returning.Wait()
	log.Info("makebridge has stopped")
	if stopped.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// checkTracing says what is wrong with the variables of OpenTelemetry, as of others.
func checkTracing() error {
	var wrong config.Error
	for _, e := range telemetry.CheckTracing() {
		wrong.Problems = append(wrong.Problems, config.Problem{Variable: e.Variable, Message: e.Message})
	}
	if len(wrong.Problems) == 0 {
		return nil
	}
	return &wrong
}

// running returns how many events are handled now.
func running(s *stream.Supervisor) (n int) {
	for _, r := range s.Routes() {
		n += r.Running
	}
	return n
}

// connect reaches for NATS, which need not be there yet. Once the connection has
// ended for good, closed is called.
func connect(cfg config.NATS, log *slog.Logger, closed func(err error)) (*nats.Conn, jetstream.JetStream, error) {
	options, err := cfg.Options()
	if err != nil {
		return nil, nil, err
	}
	nc, err := stream.Connect(stream.ConnectConfig{
		Servers: []string{cfg.URL()}, Options: append(options, nats.Name("makebridge "+programVersion())), Closed: closed, Logger: log,
		Explain: func(err error) error { return explainDial(err, cfg) },
	})
	if err != nil {
		return nil, nil, err
	}
	js, err := newJetStream(nc, cfg.JSDomain)
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("NATS_JS_DOMAIN: %w", err)
	}
	return nc, js, nil
}

func newJetStream(nc *nats.Conn, domain string) (jetstream.JetStream, error) {
	if domain != "" {
		return jetstream.NewWithDomain(nc, domain)
	}
	return jetstream.New(nc)
}

func newPipeline(cfg *config.Config, r *bridge.Route, d bridge.Deliverer, g bridge.Gate, now func() time.Time) *bridge.Pipeline {
	return bridge.NewPipeline(bridge.Config{
		Route: r, Deliverer: d, Gate: g, Validation: cfg.Validation, Now: now,
		Retry: retryPolicy(cfg),
	})
}

func retryPolicy(cfg *config.Config) bridge.RetryPolicy {
	return bridge.RetryPolicy{
		Attempts:      cfg.Delivery.Attempts,
		Delays:        cfg.Retry.RedeliveryDelays,
		MaxDeliveries: cfg.Retry.MaxDeliveries,
		GiveUpAfter:   cfg.Retry.GiveUpAfter,
	}
}

func streamSettings(cfg *config.Config) stream.Settings {
	return stream.Settings{
		Stream: cfg.Stream.Name, DLQ: cfg.Stream.DLQ, Receipts: cfg.Stream.ReceiptsStream(), Bucket: cfg.Stream.Bucket, Subjects: cfg.Subjects(),
		Replicas: cfg.Stream.Replicas, MaxAge: cfg.Stream.MaxAge, DLQMaxAge: cfg.Stream.DLQMaxAge, ReceiptsMaxAge: cfg.Stream.ReceiptsMaxAge,
		AckWait: cfg.AckWait, Provision: cfg.Stream.Provision, Version: programVersion(),
	}
}

// mostInFlight is how many requests may be in flight to one destination.
func mostInFlight(routes []bridge.Route) (most int) {
	by := map[*bridge.Destination]int{}
	for _, r := range routes {
		by[r.Destination] += r.Concurrency
		most = max(most, by[r.Destination])
	}
	return most
}

func pointers(routes []bridge.Route) []*bridge.Route {
	p := make([]*bridge.Route, len(routes))
	for i := range routes {
		p[i] = &routes[i]
	}
	return p
}

// serveHealth serves /livez, /readyz and what else c says, if there is an
// address for them.
func serveHealth(ctx context.Context, c admin.Config, log *slog.Logger, nc *nats.Conn, s *stream.Supervisor) (stop func(), err error) {
	if c.Addr == "" {
		return func() {}, nil
	}
	c.Ready = func() map[string]string {
		missing := map[string]string{}
		maps.Copy(missing, s.Unready())
		if !nc.IsConnected() {
			missing["nats"] = "not connected"
		}
		if ctx.Err() != nil {
			missing["shutdown"] = "finishing what is in flight"
		}
		return missing
	}
	server, err := admin.Listen(ctx, c)
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	log.Info("health is served", "address", server.Addr())
	return func() {
		if err := server.Close(); err != nil {
			log.Warn("health server not closed", "error", err)
		}
		if err := <-served; err != nil {
			log.Warn("health was not served", "error", err)
		}
	}, nil
}
