package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/stream"
)

func newCheck(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, NATS, the streams and the consumers",
		Long: `Print the configuration, secrets as fingerprints, connect to NATS, compare
streams, bucket and consumers with what they should be, and warn of what is
dangerous. Nothing is changed. The exit status is 0 if a bridge would work, be
it with warnings.`,
		Example: `  makebridge check
  makebridge check -o json`,
		Args: usageArgs(noArgs),
	}
	out := newOutput(cmd, c)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, environ, err := c.load()
		if err != nil {
			return err
		}
		r := newReport(cfg, environ)
		r.look(cmd.Context(), cfg)
		r.sort()
		if out.isJSON() {
			err = out.writeJSON(r)
		} else {
			r.print(out)
		}
		if err != nil {
			return err
		}
		if err := cfg.RequireRoutes(); err != nil {
			return err
		}
		return r.verdict()
	}
	return cmd
}

// report is what check finds, in the order in which it is printed.
type report struct {
	Configuration settings      `json:"configuration"`
	Routes        []routeReport `json:"routes"`
	NATS          *natsReport   `json:"nats,omitempty"`
	Changes       []changeLine  `json:"streams_and_consumers"`
	Findings      []finding     `json:"findings"`

	changes []stream.Change
}

// natsReport is what there is to know of the server.
type natsReport struct {
	Server     string `json:"server"`
	Version    string `json:"version"`
	MaxPayload int64  `json:"max_payload"`
}

func newReport(cfg *config.Config, environ []string) *report {
	return &report{
		Configuration: settingsOf(cfg), Routes: routesOf(cfg), Changes: []changeLine{},
		Findings: slices.Concat(tracingFindings(), unknownFindings(environ), idleFindings(cfg, environ), configFindings(cfg)),
	}
}

// look connects to NATS and adds what is to be seen there.
func (r *report) look(ctx context.Context, cfg *config.Config) {
	nats, err := dial(cfg.NATS)
	if err != nil {
		r.find(levelError, "%v", err)
		return
	}
	defer nats.close()
	r.NATS = &natsReport{stream.Server(nats.nc), nats.nc.ConnectedServerVersion(), nats.nc.MaxPayload()}
	r.Findings = append(r.Findings, payloadFindings(r.NATS.MaxPayload)...)
	settings := streamSettings(cfg)
	changes, err := stream.NewProvisioner(nats.js, settings).Plan(ctx, pointers(cfg.Routes))
	if err != nil {
		r.find(levelError, "%v", err)
	} else {
		changes = withBucket(ctx, nats.js, sharedBucket(cfg), changes)
	}
	r.changes, r.Changes = changes, changeLines(changes)
	r.Findings = append(r.Findings, changeFindings(cfg, changes)...)
	if err != nil {
		return // what waits could not be read either
	}
	r.Findings = append(r.Findings, bucketFindings(ctx, nats.js, cfg)...)
	for _, w := range stream.Waiting(ctx, nats.js, settings, routesOff(cfg), pointers(cfg.Routes)) {
		r.addWait(w)
	}
}

func (r *report) find(l level, format string, args ...any) {
	r.Findings = append(r.Findings, found(l, format, args...))
}

// addWait notes with a route what waits for it.
func (r *report) addWait(w stream.Wait) {
	for i := range r.Routes {
		if r.Routes[i].Name == w.Route {
			r.Routes[i].Waiting = w.Events
			r.Routes[i].waits = waitText(w, time.Now())
		}
	}
	if w.Err != nil {
		r.find(levelNote, "what waits for route %s is not known: %v", w.Route, w.Err)
	}
}

// waitText says what waits for a route, empty for nothing.
func waitText(w stream.Wait, now time.Time) string {
	if w.Events == 0 {
		return ""
	}
	text := plural(w.Events, "event")
	if w.AtMost {
		text = "at most " + text
	}
	if w.Off {
		text += " waiting"
	} else {
		text += " to deliver once it starts"
	}
	if !w.Expires.IsZero() {
		text += ", the oldest for " + span(w.Expires.Sub(now)) + " more"
	}
	return text
}

func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return short(d.Round(time.Second))
}

// routesOff are the routes that are off, as package stream takes them.
func routesOff(cfg *config.Config) []*bridge.Route {
	var routes []*bridge.Route
	for _, off := range cfg.Off {
		routes = append(routes, &bridge.Route{Name: off.Name, Subjects: off.Subjects})
	}
	return routes
}
