package config

import (
	"log/slog"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// Format is the format of logs.
type Format uint8

// The formats. The zero Format is invalid.
const (
	// FormatAuto is coloured text on a terminal and JSON lines elsewhere.
	FormatAuto Format = iota + 1
	// FormatText is text for people.
	FormatText
	// FormatJSON is one JSON object a line.
	FormatJSON
)

// String returns the format as BRIDGE_LOG_FORMAT spells it.
func (f Format) String() string { return word(formats(), int(f)) }

// MarshalText returns the same as String.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads auto, text or json. Its error does not quote the text.
func (f *Format) UnmarshalText(text []byte) error {
	i, err := choose(text, formats())
	*f = Format(i) //nolint:gosec // there are three
	return err
}

func formats() []string { return []string{"auto", "text", "json"} }

// Level is the lowest level that is logged, one of the four that slog names. It
// is a slog.Leveler; the zero Level is info.
type Level slog.Level

// Level returns the level for slog.
func (l Level) Level() slog.Level { return slog.Level(l) }

// String returns the level as BRIDGE_LOG_LEVEL spells it.
func (l Level) String() string { return strings.ToLower(slog.Level(l).String()) }

// MarshalText returns the same as String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads debug, info, warn or error, in capitals too. Its error
// does not quote the text.
func (l *Level) UnmarshalText(text []byte) error {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	i, err := choose(text, []string{"debug", "info", "warn", "error"})
	if err != nil {
		return err
	}
	*l = Level(levels[i-1])
	return nil
}

// Switch is a setting that is on or off.
type Switch bool

// String returns on or off.
func (s Switch) String() string {
	if s {
		return "on"
	}
	return "off"
}

// MarshalText returns the same as String.
func (s Switch) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads on or off, in capitals too. Its error does not quote the
// text.
func (s *Switch) UnmarshalText(text []byte) error {
	i, err := choose(text, []string{"on", "off"})
	*s = i == 1
	return err
}

// choose returns the place of a word in a closed set, from 1; 0 with an error
// if it is none of them.
func choose(text []byte, words []string) (int, error) {
	i, err := bridge.Choose(text, words)
	if err != nil {
		return 0, err
	}
	return i + 1, nil
}

func word(words []string, i int) string {
	if i < 1 || i > len(words) {
		return "invalid"
	}
	return words[i-1]
}
