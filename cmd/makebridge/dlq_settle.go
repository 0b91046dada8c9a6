package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

// settlement is a command that removes letters, one way or the other.
type settlement struct {
	console    *console
	out        *output
	verb, done string
	// consumed: only letters whose route somebody consumes.
	consumed bool
	act      func(context.Context, *replay.Letters, *replay.Events, []uint64, replay.Progress) (replay.Tally, error)

	which            letterFlags
	all, dryRun, yes bool
}

func newDLQReplay(c *console) *cobra.Command {
	s := &settlement{console: c, verb: "replay", done: "replayed", consumed: true}
	s.act = func(ctx context.Context, l *replay.Letters, e *replay.Events, ids []uint64, p replay.Progress) (replay.Tally, error) {
		return l.Replay(ctx, e, ids, p)
	}
	cmd := s.command(`Have the events of dead letters delivered again by their routes: each is stored
under redeliver.<route>.<subject> in the stream of events, with fresh retries,
and leaves the dead letters only once that is confirmed.

Letters are replayed in the order in which they were stored. Ctrl-C ends it
between two letters; the rest stay, and the same command goes on. A run that was
killed may be repeated at once: within the stream's duplicate window, 10 minutes
by default, no event is stored twice.

A letter of a route that no consumer takes is left where it is.`)
	cmd.Short = "Have dead letters delivered again"
	cmd.Example = `  makebridge dlq replay 17 18
  makebridge dlq replay --route payments --since 2h --dry-run
  makebridge dlq replay --all --yes`
	return cmd
}

func newDLQDiscard(c *console) *cobra.Command {
	var noErase bool
	s := &settlement{console: c, verb: "discard", done: "discarded"}
	s.act = func(ctx context.Context, l *replay.Letters, _ *replay.Events, ids []uint64, p replay.Progress) (replay.Tally, error) {
		return l.Discard(ctx, ids, !noErase, p)
	}
	cmd := s.command(`Erase dead letters for good: their events will not be delivered. NATS overwrites
what it has stored of them, so that personal data does not stay on its disk, at
some hundred a second; --no-erase is faster. The events in EVENTS themselves are
left alone, and so are backups and mirrors.

Ctrl-C ends it between two letters, and the same command goes on.`)
	cmd.Short = "Erase dead letters"
	cmd.Flags().BoolVar(&noErase, "no-erase", false, "only delete: NATS overwrites the space some day")
	cmd.Example = `  makebridge dlq discard 17
  makebridge dlq discard --route errors --reason invalid --dry-run
  makebridge dlq discard --event-id 0199c0de-7a11-7e57-8bad-5eedc0ffee00 --yes`
	return cmd
}

const settlementHelp = `

IDs and filters together mean those of the IDs that match. Without either it
takes --all; a --route that there is not is an error. At a terminal it shows how
many there are and asks; elsewhere it goes ahead.

`

func (s *settlement) command(long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:               s.verb + " [ID ...]",
		Long:              long + settlementHelp + outcomeHelp,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: s.console.completeLetters(1 << 10),
	}
	s.out = newOutput(cmd, s.console)
	s.which.register(cmd, s.console)
	cmd.Flags().BoolVar(&s.all, "all", false, "every dead letter")
	cmd.Flags().BoolVar(&s.dryRun, "dry-run", false, "print what would be done, and change nothing")
	cmd.Flags().BoolVarP(&s.yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, filter, err := s.meant(cmd, args)
		if err != nil {
			return err
		}
		return openLetters(cmd.Context(), s.console, s.verb+" dead letters", func(ctx context.Context, cfg *config.Installation, nats *link, l *replay.Letters) error {
			return s.run(ctx, cfg, nats, l, ids, filter)
		})
	}
	return cmd
}

// meant says which letters the command line means.
func (s *settlement) meant(cmd *cobra.Command, args []string) ([]uint64, replay.Filter, error) {
	ids, err := letterIDs(args)
	if err != nil {
		return nil, replay.Filter{}, err
	}
	switch given := len(ids) > 0 || s.which.isSet(); {
	case given && s.all:
		err = &usageError{errors.New("--all goes with neither IDs nor filters")}
	case !given && !s.all:
		err = &usageError{fmt.Errorf("which dead letters? Give IDs, a filter such as --route, or --all; see %s --help", cmd.CommandPath())}
	}
	if err != nil {
		return nil, replay.Filter{}, err
	}
	filter, err := s.which.filter()
	return ids, filter, err
}

// run selects, asks, acts and tells.
func (s *settlement) run(ctx context.Context, cfg *config.Installation, nats *link, l *replay.Letters, ids []uint64, f replay.Filter) error {
	meter := s.console.newMeter("searched")
	picks, missing, err := pick(ctx, l, ids, f, meter.at)
	meter.end()
	if err != nil {
		return err
	}
	o := &outcome{
		thing: "dead letter", verb: s.verb, done: s.done, dryRun: s.dryRun, refused: missing,
		goOn: "the rest are where they were, and the same command goes on",
	}
	var events *replay.Events
	if s.consumed && len(picks) > 0 {
		if events, err = replay.OpenEvents(ctx, nats.js, cfg.Stream.Name); err != nil {
			return err
		}
		if picks, err = takeable(ctx, events, picks, o); err != nil {
			return err
		}
	}
	o.tally.Total, o.routes = len(picks), countByRoute(picks)
	if o.matched() == 0 {
		all, err := l.Routes(ctx)
		if err != nil {
			return err
		}
		if err := checkRoute(ctx, cfg, nats, f.Route, all); err != nil {
			return err
		}
		if o.none = "no dead letter matches; there are " + byRoute(all); len(all) == 0 {
			o.none = "there are no dead letters"
		}
	}
	err = o.act(ctx, s.console, s.yes, func(p replay.Progress) (replay.Tally, error) {
		tally, err := s.act(ctx, l, events, identifiers(picks), p)
		return tally, nats.explain(s.verb+" dead letters", err)
	})
	if err != nil {
		return err
	}
	return o.tell(s.out, s.console)
}
