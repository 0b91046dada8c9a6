package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// columns is the width that text for people keeps to.
const columns = 80

// output is how a command that lists something speaks: text, coloured for
// people at a terminal, or JSON for programs.
type output struct {
	w      io.Writer
	people bool
	colour bool
	// draws is a terminal on which lines can be written again.
	draws bool
	// width is that of a terminal which cannot be asked, 0 is 80.
	width  int
	format format
}

// newOutput returns the output of a command and gives it the flag -o.
func newOutput(cmd *cobra.Command, c *console) *output {
	o := &output{w: c.out, people: isTerminal(c.out), colour: c.colours(c.out), draws: c.draws(c.out), format: formatText}
	cmd.Flags().VarP(&o.format, "output", "o", "`FORMAT`, text or json")
	complete := cobra.FixedCompletions([]string{string(formatText), string(formatJSON)}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic("makebridge: " + err.Error()) // the flag is two lines above
	}
	return o
}

// isSet reports whether a variable has a value.
func (c *console) isSet(name string) bool {
	return slices.ContainsFunc(c.environ, func(e string) bool {
		value, ok := strings.CutPrefix(e, name+"=")
		return ok && value != ""
	})
}

// format is the value of the flag -o.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

// Set reads the flag.
func (f *format) Set(s string) error {
	if s != string(formatText) && s != string(formatJSON) {
		return errors.New("must be text or json")
	}
	*f = format(s)
	return nil
}

// String returns the flag's value.
func (f *format) String() string { return string(*f) }

// Type names the flag's value in the help.
func (f *format) Type() string { return "format" }

func (o *output) isJSON() bool { return o.format == formatJSON }

// writeJSON writes a value, indented.
func (o *output) writeJSON(v any) error {
	enc := json.NewEncoder(o.w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (o *output) paint(colour int, text string) string {
	if !o.colour || text == "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, text)
}

// title begins a part of a longer text.
func (o *output) title(text string) { fmt.Fprintln(o.w, o.paint(bold, text)) }

// table aligns the columns of rows, the first of which is the header if it is
// in capitals. Where it would be too wide, the columns move closer together.
func (o *output) table(indent string, rows [][]string) {
	o.tableWith(indent, rows, func(int) string { return "" })
}

// tableWith is a table that has a text below each row for which below returns
// one.
func (o *output) tableWith(indent string, rows [][]string, below func(row int) string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], visible(cell))
		}
	}
	gap, total := 2, len(indent)+2*(len(widths)-1)
	for _, w := range widths {
		total += w
	}
	if total > columns {
		gap = 1
	}
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-visible(cell)+gap))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if n == 0 && text == strings.ToUpper(text) {
			text = o.paint(dim, text)
		}
		fmt.Fprintln(o.w, indent+text)
		if note := below(n); note != "" {
			fmt.Fprintln(o.w, indent+note)
		}
	}
}

// visible is how many columns a cell takes, colours aside.
func visible(cell string) int {
	n := utf8.RuneCountInString(cell)
	for rest, found := cell, true; found; {
		var code string
		if _, rest, found = strings.Cut(rest, "\x1b["); found {
			code, rest, _ = strings.Cut(rest, "m")
			n -= len("\x1b[") + len(code) + len("m")
		}
	}
	return n
}

// item writes a text behind its label. At a terminal it is broken into lines
// that begin below each other; elsewhere it is one line.
func (o *output) item(label, text string) {
	if !o.people {
		fmt.Fprintln(o.w, strings.TrimRight(label+text, " "))
		return
	}
	fmt.Fprintln(o.w, label+fold(text, visible(label)))
}

// fold breaks a text into lines of at most 80 columns. They begin at a column,
// up to which the first line is filled already.
func fold(text string, indent int) string { return foldAt(text, indent, columns) }

// foldAt is fold for another width.
func foldAt(text string, indent, width int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+visible(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += visible(word)
	}
	return b.String()
}

const bold = 1
