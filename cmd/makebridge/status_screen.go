package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// statusScreen shows reports at a terminal, each in the place of the one
// before. It draws on the alternate screen, so that what was there before is
// there again at the end, with the last report below it.
type statusScreen struct {
	out      *output
	interval time.Duration

	open          bool
	last          *statusReport
	failed        error
	width, height int
}

// Sequences of ECMA-48 and of xterm.
const (
	// The alternate screen, without a cursor and without wrapping.
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	// A frame is drawn over the one before without clearing it first, and where
	// the terminal knows how to, all at once: so nothing flickers.
	frameOpen  = "\x1b[?2026h\x1b[H"
	frameClose = "\x1b[?2026l"
	eraseLine  = "\x1b[K" // from the cursor on
	eraseBelow = "\x1b[J"
)

func (s *statusScreen) show(r *statusReport) error {
	s.last, s.failed = r, nil
	return s.draw()
}

func (s *statusScreen) trouble(err error) error {
	s.failed = err
	return s.draw()
}

func (s *statusScreen) fit() error {
	if w, h := s.out.size(); w == s.width && h == s.height {
		return nil
	}
	return s.draw()
}

func (s *statusScreen) draw() error {
	s.width, s.height = s.out.size()
	lines := append(s.head(), s.last.lines(s.out, s.width)...)
	if n := len(lines); n > s.height && s.height > 1 {
		lines = append(lines[:s.height-1], s.out.paint(dim, fmt.Sprintf("… and %d lines more", n-s.height+1)))
	}
	text := frame(lines, s.width, s.height)
	if !s.open {
		s.open = true
		text = screenOpen + text
	}
	_, err := io.WriteString(s.out.w, text)
	return err
}

// frame draws lines over whatever a terminal shows, and nothing of that stays.
func frame(lines []string, width, height int) string {
	var b strings.Builder
	b.WriteString(frameOpen)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		line = clip(line, width)
		b.WriteString(line)
		if visible(line) < width { // else it would erase the last column, where the cursor stays
			b.WriteString(eraseLine)
		}
	}
	if len(lines) < height {
		b.WriteString("\r\n" + eraseBelow)
	}
	b.WriteString(frameClose)
	return b.String()
}

// head says of when the report is.
func (s *statusScreen) head() []string {
	at := s.last.At.Local().Format(time.TimeOnly)
	lines := []string{s.out.paint(dim, fmt.Sprintf("%s, every %s; Ctrl-C ends it", at, short(s.interval)))}
	if s.failed != nil {
		lines = append(lines, s.out.remark("", red, "no news since "+at+": "+s.failed.Error())...)
	}
	return append(lines, "")
}

func (s *statusScreen) close() error {
	if !s.open {
		return nil
	}
	if _, err := io.WriteString(s.out.w, screenClose); err != nil {
		return err
	}
	return s.out.writeLines(s.last.lines(s.out, s.width))
}
