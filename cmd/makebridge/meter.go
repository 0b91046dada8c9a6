package main

import (
	"fmt"
	"io"
	"time"

	"github.com/makebridge/makebridge/bridge/replay"
)

// meter shows on a terminal how far a long work has got, in one line that is
// written again and again.
type meter struct {
	w     io.Writer // nil: nobody looks
	label string
	last  time.Time
	shown bool
}

// newMeter returns a meter that begins its line with a label.
func (c *console) newMeter(label string) *meter {
	m := &meter{label: label}
	if c.draws(c.err) {
		m.w = c.err
	}
	return m
}

const meterEvery = 100 * time.Millisecond

// show is a replay.Progress.
func (m *meter) show(t replay.Tally) {
	m.at(uint64(max(0, t.Total-t.Left())), uint64(max(0, t.Total)))
}

// at is a replay.Looked.
func (m *meter) at(reached, total uint64) {
	if m.w == nil || time.Since(m.last) < meterEvery {
		return
	}
	m.last, m.shown = time.Now(), true
	fmt.Fprintf(m.w, "\r\x1b[K%s %d of %d (%d%%)", m.label, reached, total, 100*reached/max(1, total))
}

// end clears the line.
func (m *meter) end() {
	if m.shown {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
