package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// moment is the value of a flag that names a time: RFC 3339, or how long ago
// it was. The zero moment is none.
type moment struct {
	time.Time
	text string
}

var errMoment = errors.New("must be a time such as 2026-01-02T15:04:05Z, or how long ago it was, such as 90m or 7d")

// Set reads the flag.
func (m *moment) Set(s string) error {
	m.text = s
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		m.Time = t
		return nil
	}
	ago, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint16
		n, err = parseDays(days)
		ago = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || ago < 0 {
		return errMoment
	}
	m.Time = time.Now().Add(-ago)
	return nil
}

func parseDays(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// String returns the flag as it was given.
func (m *moment) String() string { return m.text }

// Type names the flag's value in the help.
func (m *moment) Type() string { return "time" }

// clock is a time as commands print it, to the second and in UTC; nothing for
// the zero time.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
