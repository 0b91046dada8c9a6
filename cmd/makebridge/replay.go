package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

// replayFlags say which past events are delivered again, and how.
type replayFlags struct {
	selection    replay.Selection
	since, until moment
	run          runFlag
	rate         rateFlag
	dryRun, yes  bool
}

func newReplay(c *console) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay --route ROUTE",
		Short: "Deliver past events of a route again",
		Long: `Deliver past events of a route again, whether or not they were delivered before:
a copy of each is stored under redeliver.<route>.<subject>, which that route
alone takes. Copies themselves are never replayed. It takes a bound: --since,
--until, --event-id or --run. Times are those at which NATS stored the events.
An event whose id is a UUIDv7 is looked for about the time in it, unless there
is --since or --until.

Webhooks get the events with their own event_id once more: a scenario that tells
duplicates apart will ignore them. The bridge keeps make.com's limit; --rate
leaves room for new events beside a long replay.

It prints the name of its run. A run that was interrupted goes on with --run;
within the stream's duplicate window, 10 minutes by default, it stores nothing
twice even if it was killed. Without --run, to replay twice delivers twice.

The exit status is 1 where there is no event with the --event-id.

` + outcomeHelp + ` Also run, to go on with what is left.`,
		Example: `  makebridge replay --route payments --since 2h --dry-run
  makebridge replay --route payments --since 2026-01-02T08:00:00Z \
    --until 2026-01-02T09:30:00Z --rate 5/s
  makebridge replay --route payments --type payment.failed --since 7d
  makebridge replay --route payments --event-id evt_1`,
		Args: usageArgs(noArgs),
	}
	out := newOutput(cmd, c)
	f.register(cmd, c)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.check(cmd); err != nil {
			return err
		}
		cfg, err := c.loadInstallation("BRIDGE_STREAM")
		if err != nil {
			return err
		}
		nats, err := dial(cfg.NATS)
		if err != nil {
			return err
		}
		defer nats.close()
		ctx, cancel := nats.whileAllowed(cmd.Context())
		defer cancel()
		return nats.explain("replay events", replayEvents(ctx, c, out, cfg, nats, &f))
	}
	return cmd
}

func (f *replayFlags) register(cmd *cobra.Command, c *console) {
	flags := cmd.Flags()
	flags.StringVar(&f.selection.Route, "route", "", "the `ROUTE` that delivers again")
	flags.Var(&f.since, "since", "only events stored since this `TIME`, or ago: 90m, 7d")
	flags.Var(&f.until, "until", "only events stored before this `TIME`, or ago")
	flags.StringVar(&f.selection.Type, "type", "", "only events of this `TYPE`")
	flags.StringVar(&f.selection.EventID, "event-id", "", "only the event with this `EVENT_ID`")
	flags.Var(&f.rate, "rate", "at most so many, `N/TIME`, such as 5/s or 100/1m")
	flags.Var(&f.run, "run", "go on with an interrupted `RUN`, as it said; no times then")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print how many there are, and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	c.completeRoute(cmd)
	completeFlag(cmd, "type", eventTypes)
}

func (f *replayFlags) check(cmd *cobra.Command) error {
	s := &f.selection
	s.Since, s.Until, s.Run = f.since.Time, f.until.Time, f.run.Run
	timed := !s.Since.IsZero() || !s.Until.IsZero()
	switch {
	case s.Route == "":
		return &usageError{fmt.Errorf("--route is missing; see %s --help", cmd.CommandPath())}
	case timed && !s.Run.IsZero():
		return &usageError{errors.New("--run knows its part of the stream: --since and --until do not go with it")}
	case !timed && s.EventID == "" && s.Run.IsZero():
		return &usageError{fmt.Errorf("which events? Give --since, --until, --event-id or --run; see %s --help", cmd.CommandPath())}
	case !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until):
		return &usageError{errors.New("--since must be before --until")}
	}
	return checkRouteName(s.Route)
}

func replayEvents(ctx context.Context, c *console, out *output, cfg *config.Installation, nats *link, f *replayFlags) error {
	events, err := replay.OpenEvents(ctx, nats.js, cfg.Stream.Name)
	if err != nil {
		return err
	}
	meter := c.newMeter("searched")
	picked, err := events.Select(ctx, f.selection, meter.at)
	meter.end()
	if err != nil {
		return err
	}
	n := len(picked.Sequences)
	if n == 0 && f.selection.EventID != "" && f.selection.Run.IsZero() {
		return fmt.Errorf("no event %s is among those of route %s%s", printable(f.selection.EventID), f.selection.Route, f.where())
	}
	o := &outcome{
		thing: "event", verb: "replay", done: "replayed", dryRun: f.dryRun, run: picked.Run.String(),
		tally: replay.Tally{Total: n}, routes: map[string]int{f.selection.Route: n},
	}
	err = o.act(ctx, c, f.yes, func(p replay.Progress) (replay.Tally, error) {
		fmt.Fprintf(c.err, "run %s: should it be interrupted, go on with --run\n", picked.Run)
		left, tally, err := events.Replay(ctx, picked, f.rate.Limit, p)
		o.run, o.goOn = left.String(), "go on with: "+f.again(left)
		return tally, nats.explain("replay events", err)
	})
	if err != nil {
		return err
	}
	return o.tell(out, c)
}

// where says that only some events were looked at, if so.
func (f *replayFlags) where() string {
	s := f.selection
	since, until := s.Bounds()
	switch {
	case !since.Equal(s.Since):
		return fmt.Sprintf(" stored from %s to %s; --since TIME looks at everything from then on", clock(since), clock(until))
	case since.IsZero() && until.IsZero() && s.Type == "":
		return ""
	}
	return " that --since, --until and --type leave"
}

// again is the command that goes on with a run.
func (f *replayFlags) again(left replay.Run) string {
	words := []string{"makebridge replay --route", f.selection.Route}
	for _, flag := range [][2]string{
		{"--type", f.selection.Type}, {"--event-id", f.selection.EventID}, {"--rate", f.rate.text}, {"--run", left.String()},
	} {
		if flag[1] != "" {
			words = append(words, flag[0], shellWord(flag[1]))
		}
	}
	return strings.Join(words, " ")
}

// shellWord returns a word as a shell takes it.
func shellWord(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@%+=,"
	if strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(printable(word), "'", `'\''`) + "'"
}

// runFlag is the value of --run.
type runFlag struct{ replay.Run }

// Set reads the flag.
func (r *runFlag) Set(s string) (err error) {
	r.Run, err = replay.ParseRun(s)
	return err
}

// String returns the run, or nothing where there is none.
func (r *runFlag) String() string {
	if r.IsZero() {
		return ""
	}
	return r.Run.String()
}

// Type names the flag's value in the help.
func (r *runFlag) Type() string { return "run" }
