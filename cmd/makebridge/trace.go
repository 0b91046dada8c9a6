package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/trace"
)

func newTrace(c *console) *cobra.Command {
	var since moment
	cmd := &cobra.Command{
		Use:   "trace EVENT_ID",
		Short: "Show what became of an event, on every route",
		Long: `Show when an event was published and what became of it on every route: waiting,
in hand, put off, delivered, filtered or dead-lettered, and its replays. Of an
event that is not settled it tells the hold of its destination, whether somebody
has paused the consumer, and which event goes first where the route keeps an
order. It is read from the streams of events, dead letters and receipts; no
webhook need be configured. The exit status is 1 if nothing is known of the
event.

An event without a receipt is looked for by its Nats-Msg-Id header: around the
time that a UUIDv7 says; for another id among what waits on a route and the
newest events. Some 100,000 are looked at, which takes less than a second. With
--since everything from then on is, which takes some seconds for a million.

With -o json: event_id, type, stream, publishes, and unknown: what could not be
looked at. Each publish has sequence, subject, published_at, replay_of (the one
route that a replay is for), stored, expires_at and routes. Each has route,
state (waiting, in_hand, put_off, delivered, filtered, dead_lettered, settled,
not_taken or no_consumer), until, reason, error, letter, note, hold
{destination, reason, status, meaning, since, until, failed_probes}, behind
{event_id, sequence, until}, paused_until and steps, which are its receipts.
Each step has at, outcome (delivered, filtered, retried or dead_lettered),
status, attempts, duration_ms, delivery, replica, delay_ms, reason and error.
What is empty may be left out.`,
		Example: `  makebridge trace 0197c9d5-7d2c-7a51-b2ea-4c3a5a6f9f10
  makebridge trace order-4711 --since 7d
  makebridge trace order-4711 --since 2026-01-31T09:00:00Z -o json`,
		Args: usageArgs(oneArg("EVENT_ID")),
	}
	out := newOutput(cmd, c)
	cmd.Flags().Var(&since, "since", "look for the event from this `TIME` on, or ago: 90m, 7d")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := c.loadInstallation("BRIDGE_STREAM", "BRIDGE_DLQ_STREAM", "BRIDGE_BUCKET", "BRIDGE_RECEIPTS",
			"BRIDGE_ORDERING", "MAKE_WEBHOOK_<NAME>_ORDERING")
		if err != nil {
			return err
		}
		nats, err := dial(cfg.NATS)
		if err != nil {
			return err
		}
		defer nats.close()
		ctx, answered := nats.while(cmd.Context(), "$JS.API.CONSUMER.MSG.NEXT")
		defer answered()
		t, err := trace.Read(ctx, traceConfig(c, cfg, nats, since.Time), args[0])
		err = refusalOf(ctx, err)
		if c.draws(c.err) {
			fmt.Fprint(c.err, "\r\x1b[K") // the progress
		}
		var unknown *trace.UnknownError
		switch {
		case errors.As(err, &unknown):
			return hintFurther(unknown, since.Time)
		case isWithoutJetStream(err):
			return nats.explain("trace "+printable(args[0]), err)
		case err != nil:
			return err
		}
		if out.isJSON() {
			return out.writeJSON(t)
		}
		printTrace(out, t, cfg.Stream.DLQ)
		return nil
	}
	return cmd
}

func traceConfig(c *console, cfg *config.Installation, nats *link, since time.Time) trace.Config {
	tc := trace.Config{
		JetStream: nats.js, Stream: cfg.Stream.Name, DLQ: cfg.Stream.DLQ, Receipts: cfg.Stream.ReceiptsStream(),
		Bucket: cfg.Stream.Bucket, Since: since, Ordering: cfg.Ordering,
		Holds: func(ctx context.Context) (map[string]trace.Hold, error) { return traceHolds(ctx, cfg, nats) },
	}
	if c.draws(c.err) {
		tc.Progress = func(read, total uint64) { fmt.Fprintf(c.err, "\r\x1b[Ksearched %d of %d messages", read, total) }
	}
	return tc
}

// traceHolds reads why routes are held, as status does.
func traceHolds(ctx context.Context, cfg *config.Installation, nats *link) (map[string]trace.Hold, error) {
	held, err := backlog.HeldRoutes(ctx, nats.js, backlog.Config{
		Stream: cfg.Stream.Name, Bucket: cfg.Stream.Bucket, ReplicaLife: gate.ReplicaLife,
	})
	holds := map[string]trace.Hold{}
	for route, h := range held {
		s := newStatusHold(&h)
		holds[route] = trace.Hold{
			Destination: s.Destination, Reason: s.Reason, Status: s.Status, Meaning: s.Meaning,
			Since: s.Since, Until: s.Until, Probes: s.Probes,
		}
	}
	return holds, err
}

// hintFurther adds to an event that is not found how to look further.
func hintFurther(unknown *trace.UnknownError, since time.Time) error {
	var err error = unknown
	if since.IsZero() && (unknown.Partial() || !unknown.From.IsZero()) {
		err = fmt.Errorf("%w; --since TIME looks at everything from then on", err)
	}
	return fmt.Errorf("%w; its letter may outlive it: makebridge dlq ls --event-id %s", err, unknown.EventID)
}
