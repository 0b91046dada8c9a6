package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
	"github.com/makebridge/makebridge/subjects"
)

func newDLQ(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "List, show, replay and discard dead letters",
		Long: `Dead letters are events that could not be delivered: each is kept, as it was and
with the reason, in the stream EVENTS_DLQ (BRIDGE_DLQ_STREAM). Its ID is its
sequence there. No webhook has to be configured here: NATS is enough.`,
		Example: `  makebridge dlq ls --route payments --since 2h
  makebridge dlq show 17
  makebridge dlq replay --route payments --reason rejected --dry-run
  makebridge dlq discard 17 18`,
		Args: usageArgs(knownCommand),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDLQList(c), newDLQShow(c), newDLQReplay(c), newDLQDiscard(c))
	return cmd
}

// letterFlags say which letters are meant.
type letterFlags struct {
	route, typ, reason, eventID string
	since                       moment
}

func reasons() []string {
	var names []string
	for r := bridge.Invalid; r <= bridge.Crashed; r++ {
		names = append(names, r.String())
	}
	return names
}

func (f *letterFlags) register(cmd *cobra.Command, c *console) {
	flags := cmd.Flags()
	flags.StringVar(&f.route, "route", "", "only of this `ROUTE`")
	flags.StringVar(&f.typ, "type", "", "only events of this `TYPE`")
	flags.StringVar(&f.reason, "reason", "", "only with this `REASON`: "+strings.Join(reasons(), ", "))
	flags.Var(&f.since, "since", "only dead-lettered since this `TIME`, or ago: 90m, 7d")
	flags.StringVar(&f.eventID, "event-id", "", "only of the event with this `EVENT_ID`")
	c.completeRoute(cmd)
	completeFlag(cmd, "type", eventTypes)
	completeFlag(cmd, "reason", reasons)
}

func (f *letterFlags) isSet() bool {
	return f.route != "" || f.typ != "" || f.reason != "" || f.eventID != "" || !f.since.IsZero()
}

// filter returns the flags as package replay takes them.
func (f *letterFlags) filter() (replay.Filter, error) {
	if f.reason != "" && !slices.Contains(reasons(), f.reason) {
		return replay.Filter{}, &usageError{errors.New("--reason must be one of " + strings.Join(reasons(), ", "))}
	}
	if err := checkRouteName(f.route); err != nil {
		return replay.Filter{}, err
	}
	return replay.Filter{Route: f.route, Type: f.typ, Reason: f.reason, EventID: f.eventID, Since: f.since.Time}, nil
}

// checkRouteName refuses what would be another subject filter than it looks.
func checkRouteName(name string) error {
	if name != "" && (!subjects.ValidLiteral(name) || strings.Contains(name, ".")) {
		return &usageError{fmt.Errorf("--route: %q is not a route's name", name)}
	}
	return nil
}

// openLetters connects, opens the stream of dead letters and lets do work on
// it. What goes wrong is told as the failure of what was attempted.
func openLetters(ctx context.Context, c *console, what string, do func(context.Context, *config.Installation, *link, *replay.Letters) error) error {
	cfg, err := c.loadInstallation("BRIDGE_STREAM", "BRIDGE_DLQ_STREAM")
	if err != nil {
		return err
	}
	nats, err := dial(cfg.NATS)
	if err != nil {
		return err
	}
	defer nats.close()
	ctx, cancel := nats.whileAllowed(ctx)
	defer cancel()
	letters, err := replay.OpenLetters(ctx, nats.js, cfg.Stream.DLQ)
	if err == nil {
		err = do(ctx, cfg, nats, letters)
	}
	return nats.explain(what, err)
}

// letterIDs reads IDs given as arguments.
func letterIDs(args []string) ([]uint64, error) {
	ids := make([]uint64, 0, len(args))
	for _, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || id == 0 {
			return nil, &usageError{fmt.Errorf("%q is not the ID of a dead letter, a number that makebridge dlq ls lists", arg)}
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
