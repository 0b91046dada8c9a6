package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/makebridge/makebridge/bridge/replay"
)

// outcome is what a run over letters or events came to.
type outcome struct {
	thing, verb, done string // dead letter, replay, replayed
	dryRun            bool
	tally             replay.Tally
	// refused are those that were not even tried.
	refused []replay.Failure
	// err ended the run early; interrupted: somebody did.
	err         error
	interrupted bool
	// goOn says how to go on with what is left.
	goOn string
	// routes says how many there are of each route, run names the run.
	routes map[string]int
	run    string
	// none says what there is where nothing matches; empty: nothing is known.
	none string
}

// outcomeLine is an outcome in JSON.
type outcomeLine struct {
	Matched      int            `json:"matched"`
	Done         int            `json:"done"`
	StoredBefore int            `json:"stored_before"`
	Gone         int            `json:"gone"`
	Left         int            `json:"left"`
	Failed       []failureLine  `json:"failed"`
	Routes       map[string]int `json:"routes"`
	Run          string         `json:"run,omitempty"`
	DryRun       bool           `json:"dry_run"`
}

type failureLine struct {
	ID    uint64 `json:"id"`
	Error string `json:"error"`
}

const outcomeHelp = `With -o json: matched, how many were meant; done; stored_before, how many of
those a run before had stored already; gone, how many vanished meanwhile; left,
how many were not reached; failed, each with id and error; routes, how many of
each; dry_run.`

// matched is how many were meant.
func (o *outcome) matched() int { return o.tally.Total + len(o.refused) }

func (o *outcome) failed() []replay.Failure {
	all := slices.Concat(o.refused, o.tally.Failed)
	slices.SortFunc(all, func(a, b replay.Failure) int { return int(int64(a.ID) - int64(b.ID)) }) //nolint:gosec // sequences
	return all
}

// tell prints the outcome, and returns an error where not all was done.
func (o *outcome) tell(out *output, c *console) error {
	failed := o.failed()
	if out.isJSON() {
		line := outcomeLine{
			Matched: o.matched(), Done: o.tally.Done, StoredBefore: o.tally.Already, Gone: o.tally.Gone, Left: o.tally.Left(),
			Failed: []failureLine{}, Routes: o.routes, Run: o.run, DryRun: o.dryRun,
		}
		for _, f := range failed {
			line.Failed = append(line.Failed, failureLine{f.ID, f.Err.Error()})
		}
		if err := out.writeJSON(line); err != nil {
			return err
		}
	} else if o.matched() == 1 && len(failed) == 1 {
		return errors.New(alike(failed)[0]) // it says all there is
	} else {
		fmt.Fprintln(out.w, o.text())
	}
	for _, line := range alike(failed) {
		fmt.Fprintln(c.err, "makebridge: "+line)
	}
	return o.verdict(len(failed))
}

// text is the last line for people.
func (o *outcome) text() string {
	switch {
	case o.matched() == 0:
		return cmp.Or(o.none, "no "+o.thing+" matches")
	case o.dryRun:
		return fmt.Sprintf("would %s %s (--dry-run)", o.verb, o.things(o.tally.Total))
	}
	text := o.things(o.tally.Done) + " " + o.done
	if o.tally.Already > 0 {
		text += fmt.Sprintf(", %d of them stored by a run before", o.tally.Already)
	}
	if o.tally.Gone > 0 {
		text += fmt.Sprintf(", %d gone meanwhile", o.tally.Gone)
	}
	return text
}

// things says how many, and of which routes.
func (o *outcome) things(n int) string {
	text := plural(uint64(max(0, n)), o.thing)
	if n > 0 && n == o.tally.Total {
		text += " (" + byRoute(o.routes) + ")"
	}
	return text
}

func (o *outcome) verdict(failed int) error {
	reached := o.matched() - o.tally.Left()
	switch {
	case errors.As(o.err, new(*replay.KeptError)):
		return fmt.Errorf("stopped after %d of %d: %w", reached, o.matched(), o.err)
	case o.err != nil:
		return fmt.Errorf("stopped after %d of %d: %w; %s", reached, o.matched(), o.err, o.goOn)
	case o.interrupted && o.tally.Left() > 0:
		return fmt.Errorf("interrupted after %d of %d; %s", reached, o.matched(), o.goOn)
	case failed > 0:
		return fmt.Errorf("%d of %d cannot be %s", failed, o.matched(), o.done)
	}
	return nil
}

// act asks, unless that is needless, and has work done.
func (o *outcome) act(ctx context.Context, c *console, yes bool, do func(replay.Progress) (replay.Tally, error)) error {
	if o.dryRun || o.tally.Total == 0 {
		return nil
	}
	if err := c.confirm(ctx, capital(o.verb)+" "+o.things(o.tally.Total)+"?", yes); err != nil {
		return err
	}
	meter := c.newMeter(o.done)
	o.tally, o.err = do(meter.show)
	meter.end()
	o.interrupted = ctx.Err() != nil
	return nil
}

const (
	// mostAlike is how many IDs are named that failed alike, mostLines how many
	// different failures.
	mostAlike = 5
	mostLines = 20
)

// alike puts failures of one kind into one line, the first kinds of them.
func alike(failed []replay.Failure) (lines []string) {
	ids := map[string][]string{}
	var kinds []string
	for _, f := range failed {
		kind := f.Err.Error()
		if len(ids[kind]) == 0 {
			kinds = append(kinds, kind)
		}
		ids[kind] = append(ids[kind], strconv.FormatUint(f.ID, 10))
	}
	for i, kind := range kinds {
		if i == mostLines {
			return append(lines, fmt.Sprintf("and %d failures of other kinds; -o json lists all", len(kinds)-i))
		}
		named := strings.Join(ids[kind][:min(mostAlike, len(ids[kind]))], ", ")
		if more := len(ids[kind]) - mostAlike; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, named+": "+printable(kind))
	}
	return lines
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
