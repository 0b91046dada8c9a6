package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/stream"
)

func newSetup(c *console) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create or update streams, bucket and consumers",
		Long: `Create the streams of events, dead letters and receipts, the bucket that
replicas share and a durable consumer for each route that is on, or change what
differs, as makebridge run does when BRIDGE_PROVISION is true, whatever that is
set to. Nothing is ever deleted or shrunk. Where something is seen to be in the
way, nothing is changed at all; where the server refuses something then, what
was done before stays, and setup can be repeated.`,
		Example: `  makebridge setup --dry-run
  makebridge setup`,
		Args: usageArgs(noArgs),
	}
	out := newOutput(cmd, c)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done, and change nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, environ, err := c.load()
		if err != nil {
			return err
		}
		for _, f := range unknownFindings(environ) {
			fmt.Fprintln(c.err, c.aside("makebridge: "+f.Text))
		}
		nats, err := dial(cfg.NATS)
		if err != nil {
			return err
		}
		defer nats.close()
		settings, bucket := streamSettings(cfg), sharedBucket(cfg)
		settings.Provision, bucket.Provision = true, true
		s := &setup{nats.js, stream.NewProvisioner(nats.js, settings), bucket, pointers(cfg.Routes)}
		return s.run(cmd.Context(), out, dryRun)
	}
	return cmd
}

// setup brings to what is needed whatever the bridge has in NATS.
type setup struct {
	js      jetstream.JetStream
	streams *stream.Provisioner
	bucket  gate.BucketConfig
	routes  []*bridge.Route
}

func (s *setup) run(ctx context.Context, out *output, dryRun bool) error {
	changes, err := s.streams.Plan(ctx, s.routes)
	if err != nil {
		return err
	}
	changes = withBucket(ctx, s.js, s.bucket, changes)
	blocked := countBlocked(changes)
	tense := wouldBe
	if !dryRun && blocked == 0 {
		if err := s.apply(ctx); err != nil {
			return err
		}
		tense = hasBeen
	}
	if out.isJSON() {
		err = out.writeJSON(changeLines(changes))
	} else {
		printChanges(out, "", changes, tense)
	}
	switch {
	case err != nil:
		return err
	case blocked > 0:
		return fmt.Errorf("%d of %d cannot be set up; nothing was changed", blocked, len(changes))
	case dryRun && !out.isJSON():
		fmt.Fprintln(out.w, "nothing was changed (--dry-run)")
	}
	return nil
}

func (s *setup) apply(ctx context.Context) error {
	if err := s.streams.Streams(ctx); err != nil {
		return err
	}
	errs := []error{s.streams.Receipts(ctx), s.bucket.Create(ctx, s.js)}
	for _, r := range s.routes {
		_, err := s.streams.Consumer(ctx, r)
		if errors.As(err, new(*deniedError)) {
			return err // one line: it would be the same for each
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func countBlocked(changes []stream.Change) (n int) {
	for _, c := range changes {
		if c.Action == stream.ActionBlocked {
			n++
		}
	}
	return n
}

// tense is how a change is spoken of.
type tense uint8

const (
	is      tense = iota + 1 // what there is
	wouldBe                  // what would be done
	hasBeen                  // what was done
)

// printChanges prints what becomes of each stream and consumer: a line for
// each, the differences below it for people and behind it elsewhere.
func printChanges(out *output, indent string, changes []stream.Change, t tense) {
	for _, c := range changes {
		details := c.Differences
		switch {
		case c.Err != nil && t == is:
			details = nil // a check tells it as a finding
		case c.Err != nil:
			details = []string{c.Err.Error()}
		}
		colour, verb := verbOf(c, t)
		label := fmt.Sprintf("%s%-8s  %-18s  ", indent, c.Kind, c.Name) + out.paint(colour, fmt.Sprintf("%-12s", verb))
		if !out.people {
			out.item(label+"  ", strings.Join(details, "; "))
			continue
		}
		fmt.Fprintln(out.w, label)
		for _, detail := range details {
			out.item(indent+strings.Repeat(" ", 10), detail)
		}
	}
}

func verbOf(c stream.Change, t tense) (colour int, verb string) {
	switch c.Action {
	case stream.ActionCreate:
		return verbIn(t, "missing", "would create", "created")
	case stream.ActionUpdate:
		return verbIn(t, "differs", "would change", "changed")
	case stream.ActionBlocked:
		return red, "blocked"
	case stream.ActionNone:
	}
	if len(c.Differences) > 0 {
		return green, "left alone"
	}
	return green, "ok"
}

func verbIn(t tense, now, conditional, past string) (colour int, verb string) {
	switch t {
	case hasBeen:
		return green, past
	case wouldBe:
		return yellow, conditional
	case is:
	}
	return yellow, now
}

// changeLine is a change in JSON.
type changeLine struct {
	Kind        string   `json:"kind"`
	Name        string   `json:"name"`
	Action      string   `json:"action"`
	Differences []string `json:"differences,omitempty"`
	Dangers     []string `json:"dangers,omitempty"`
	Error       string   `json:"error,omitempty"`
}

func changeLines(changes []stream.Change) []changeLine {
	lines := []changeLine{}
	for _, c := range changes {
		line := changeLine{Kind: c.Kind.String(), Name: c.Name, Action: c.Action.String(), Differences: c.Differences, Dangers: c.Dangers}
		if c.Err != nil {
			line.Error = c.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}
