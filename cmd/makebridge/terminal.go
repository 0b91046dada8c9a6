package main

import (
	"cmp"
	"io"
	"strings"

	"golang.org/x/term"
)

// size is how many columns and lines a terminal has, 0 elsewhere.
func (o *output) size() (width, height int) {
	if !o.people {
		return 0, 0
	}
	if f := file(o.w); f != nil {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width, height
		}
	}
	return cmp.Or(o.width, columns), 24
}

func (o *output) writeLines(lines []string) error {
	_, err := io.WriteString(o.w, strings.Join(lines, "\n")+"\n")
	return err
}

// remark is a text on lines of its own, indented and in a colour. At a terminal
// it is broken into lines, elsewhere it is one.
func (o *output) remark(indent string, colour int, text string) []string {
	if !o.people {
		return []string{indent + text}
	}
	width, _ := o.size()
	var lines []string
	for line := range strings.SplitSeq(foldAt(text, len(indent), min(width, columns)), "\n") {
		lines = append(lines, indent+o.paint(colour, strings.TrimSpace(line)))
	}
	return lines
}

// aside is a text for standard error, each line of it broken at a terminal.
func (c *console) aside(text string) string {
	errs := &output{w: c.err, people: isTerminal(c.err)}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, errs.remark("", 0, line)...)
	}
	return strings.Join(lines, "\n")
}

// clip cuts a line that is wider than a terminal, colours aside.
func clip(line string, width int) string {
	var b strings.Builder
	at, escaped := 0, false
	for _, r := range line {
		switch {
		case r == '\x1b':
			escaped = true
		case escaped:
			escaped = r != 'm'
		case at == width:
			continue
		default:
			at++
		}
		b.WriteRune(r)
	}
	return b.String()
}
