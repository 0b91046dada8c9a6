package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/webhook"
)

func newPing(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ping [ROUTE|TYPE ...]",
		Short: "Post an example of each type straight to its webhook",
		Long: `Post the catalogue's example of each type straight to its webhook, so that
make.com learns the data structure and you see the scenario run. Without
arguments: of every route that is on. The events do not pass through NATS.

A destination that the bridge holds is posted to all the same, and its hold is
told, if NATS can be reached.

The event_id begins with test-, and the envelope has "test":true, by which a
scenario can tell. A route of your own gets an event without content on its
first subject.`,
		Example: `  makebridge ping
  makebridge ping payments
  makebridge ping ticket.created error.occurred`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeAll(func() []string { return append(c.routeNames(), eventNames()...) }),
	}
	out := newOutput(cmd, c)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, _, err := c.load()
		if err != nil {
			return err
		}
		if err := cfg.RequireRoutes(); err != nil {
			return err
		}
		pings, err := pingsFor(cfg, args)
		if err != nil {
			return err
		}
		return post(cmd.Context(), out, c.err, pings, lookUpHolds(cmd.Context(), cfg, pings, c.err))
	}
	return cmd
}

const pingRow = "%-30s  %-18s  %s  %s\n"

// post sends one ping after another and tells each answer as it comes, and of
// each destination that is held, by id, once.
func post(ctx context.Context, out *output, complain io.Writer, pings []ping, held map[string]backlog.Hold) error {
	client := webhook.New(webhook.Config{Version: programVersion()})
	defer client.Close()
	if !out.isJSON() {
		fmt.Fprint(out.w, out.paint(dim, fmt.Sprintf(pingRow, "TYPE", "ROUTE", "ANSWER", "TIME")))
	}
	answers, bad := []pingAnswer{}, 0
	next := map[*bridge.Destination]time.Time{}
	for _, p := range pings {
		d := p.route.Destination
		if err := sleepUntil(ctx, next[d]); err != nil {
			break
		}
		start := time.Now()
		a := newPingAnswer(p, postOne(ctx, client, p, complain), time.Since(start))
		if h, ok := held[d.URL.ID()]; ok {
			a.Hold = newStatusHold(&h)
		}
		next[d] = time.Now().Add(pause(d.Limit))
		if a.Class != bridge.ClassDelivered.String() {
			bad++
		}
		answers = append(answers, a)
		if !out.isJSON() {
			a.print(out)
			delete(held, d.URL.ID())
		}
	}
	if out.isJSON() {
		if err := out.writeJSON(answers); err != nil {
			return err
		}
	}
	switch {
	case len(answers) < len(pings):
		return fmt.Errorf("stopped after %d of %d", len(answers), len(pings))
	case bad > 0:
		return fmt.Errorf("%d of %d answers were not 2xx", bad, len(pings))
	}
	return nil
}

// postOne sends a ping and waits for its answer, also where ctx ends: whether the
// event has arrived is what the user wants to know.
func postOne(ctx context.Context, client *webhook.Client, p ping, complain io.Writer) bridge.Answer {
	r := p.request()
	defer context.AfterFunc(ctx, func() {
		fmt.Fprintf(complain, "makebridge: waiting up to %s for the answer to %s; Ctrl-C again ends at once\n", short(r.Timeout), p.event.Type)
	})()
	return client.Deliver(ctx, r, nil)
}

// pause is how long to wait between two requests to a destination so that its
// limit is kept whatever its window.
func pause(l bridge.Limit) time.Duration {
	if l.IsZero() {
		return 0
	}
	return l.Window / time.Duration(l.Requests)
}

func sleepUntil(ctx context.Context, at time.Time) error {
	if ctx.Err() != nil || !at.After(time.Now()) {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pingAnswer is what a ping came to, as it is printed.
type pingAnswer struct {
	Type        string `json:"type"`
	Subject     string `json:"subject"`
	Route       string `json:"route"`
	Destination string `json:"destination"`
	EventID     string `json:"event_id"`
	Status      int    `json:"status"`
	Class       string `json:"class"`
	DurationMS  int64  `json:"duration_ms"`
	Meaning     string `json:"meaning"`
	// Hold is set where the bridge holds the destination.
	Hold *statusHold `json:"hold,omitempty"`
}

func newPingAnswer(p ping, a bridge.Answer, took time.Duration) pingAnswer {
	return pingAnswer{
		Type: p.event.Type, Subject: p.subject, Route: p.route.Name, Destination: p.route.Destination.URL.String(),
		EventID: p.event.ID, Status: a.Status, Class: a.Class.String(), DurationMS: took.Milliseconds(), Meaning: meaning(a),
	}
}

func (a pingAnswer) print(out *output) {
	status, colour := "none", red
	if a.Status > 0 {
		status = strconv.Itoa(a.Status)
	}
	if a.Class == bridge.ClassDelivered.String() {
		colour = green
	}
	fmt.Fprintf(out.w, pingRow, a.Type, a.Route, out.paint(colour, fmt.Sprintf("%-6s", status)), fmt.Sprintf("%dms", a.DurationMS))
	if a.Class != bridge.ClassDelivered.String() {
		out.item("  ", a.Meaning)
	}
	if a.Hold != nil {
		text := "the bridge posts nothing there: " + holdProgress(a.Hold, time.Now())
		if a.Hold.Meaning != a.Meaning {
			text += ": " + a.Hold.Meaning
		}
		out.item("  ", out.paint(yellow, text))
	}
}
