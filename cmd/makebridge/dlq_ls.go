package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

// pageFlags say which part of the letters is shown.
type pageFlags struct {
	limit         int
	before, after uint64
}

func newDLQList(c *console) *cobra.Command {
	var which letterFlags
	var part pageFlags
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List dead letters, the latest first",
		Long: `List dead letters, the latest first, a page at a time: the end of each page says
how to go on with older ones.

With -o json: an object of letters; next_before, for --before, where there are
more; and routes, how many letters each route has in all, whatever the filters.
` + letterJSONText + `
The exit status is 1 if --route is none that there is.

Only headers are read, and from the end only as many as the page takes. A filter
that matches nothing has all letters of its --route and --since looked through.`,
		Example: `  makebridge dlq ls
  makebridge dlq ls --route payments --reason rejected --since 24h
  makebridge dlq ls --event-id 0199c0de-7a11-7e57-8bad-5eedc0ffee00
  makebridge dlq ls --before 1200 --limit 200 -o json`,
		Args: usageArgs(noArgs),
	}
	out := newOutput(cmd, c)
	which.register(cmd, c)
	cmd.Flags().IntVar(&part.limit, "limit", 50, "letters on the page, `N`")
	cmd.Flags().Uint64Var(&part.before, "before", 0, "only letters before this `ID`: the next page")
	cmd.Flags().Uint64Var(&part.after, "after", 0, "only letters after this `ID`: what is new since")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := which.filter()
		if err != nil {
			return err
		}
		if part.limit < 1 {
			return &usageError{errors.New("--limit must be at least 1")}
		}
		filter.Before, filter.After = part.before, part.after
		return openLetters(cmd.Context(), c, "list dead letters", func(ctx context.Context, cfg *config.Installation, nats *link, letters *replay.Letters) error {
			page, err := readPage(ctx, letters, filter, part.limit)
			if err != nil {
				return err
			}
			wrong := checkRoute(ctx, cfg, nats, filter.Route, page.Routes)
			if wrong != nil && !out.isJSON() {
				return wrong
			}
			return errors.Join(page.print(c, out), wrong)
		})
	}
	return cmd
}

// letterPage is a page in JSON.
type letterPage struct {
	Letters    []letterLine      `json:"letters"`
	NextBefore uint64            `json:"next_before,omitempty"`
	Routes     map[string]uint64 `json:"routes"`
	found      []replay.Letter
}

func readPage(ctx context.Context, letters *replay.Letters, f replay.Filter, limit int) (page letterPage, err error) {
	page.found, err = letters.Page(ctx, f, limit+1) // one more tells whether there is another page
	if err != nil {
		return page, err
	}
	if len(page.found) > limit {
		page.found = page.found[:limit]
		page.NextBefore = page.found[limit-1].ID
	}
	page.Routes, err = letters.Routes(ctx)
	return page, err
}

func (p letterPage) print(c *console, out *output) error {
	if out.isJSON() {
		p.Letters = []letterLine{}
		for _, l := range p.found {
			p.Letters = append(p.Letters, newLetterLine(l))
		}
		return out.writeJSON(p)
	}
	printLetters(out, p.found, time.Now())
	fmt.Fprintln(c.err, c.aside(pageEnd(len(p.found), p)))
	return nil
}

// printLetters prints a table; errors are below for people, at the end of the
// line elsewhere.
func printLetters(out *output, letters []replay.Letter, now time.Time) {
	if len(letters) == 0 {
		return
	}
	rows := [][]string{{"ID", "AGE", "ROUTE", "EVENT", "REASON", "STATUS"}}
	if !out.people {
		rows[0] = append(rows[0], "ERROR")
	}
	fit := func(text string, columns int) string {
		if !out.people {
			return printable(text)
		}
		return cut(printable(text), columns)
	}
	for _, l := range letters {
		status := "-"
		if l.Status > 0 {
			status = strconv.Itoa(l.Status)
		}
		row := []string{
			strconv.FormatUint(l.ID, 10), span(now.Sub(l.Stored).Truncate(time.Second)), fit(l.Route, 20),
			fit(cmp.Or(l.Type, l.Subject), 30), fit(cmp.Or(l.Reason, "-"), 9), status,
		}
		if !out.people {
			row = append(row, printable(l.Error))
		}
		rows = append(rows, row)
	}
	if !out.people {
		out.table("", rows)
		return
	}
	out.tableWith("", rows, func(i int) string {
		if i == 0 || letters[i-1].Error == "" {
			return ""
		}
		return "  " + out.paint(dim, cut(printable(letters[i-1].Error), columns-2))
	})
}

// pageEnd says how many letters there are, and how to see more.
func pageEnd(shown int, page letterPage) string {
	var total uint64
	for _, n := range page.Routes {
		total += n
	}
	switch {
	case total == 0:
		return "no dead letters"
	case shown == 0:
		return "none of " + plural(total, "dead letter") + ": " + byRoute(page.Routes)
	}
	text := fmt.Sprintf("%d of %s: %s", shown, plural(total, "dead letter"), byRoute(page.Routes))
	if page.NextBefore > 0 {
		text += fmt.Sprintf("\nolder ones: the same with --before %d", page.NextBefore)
	}
	return text
}
