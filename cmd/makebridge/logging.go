package main

import (
	"log/slog"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/telemetry"
)

// newLogger returns the logger that the configuration asks for.
func newLogger(c *console, cfg config.Log) *slog.Logger {
	format := telemetry.FormatJSON
	switch cfg.Format {
	case config.FormatText:
		format = telemetry.FormatText
	case config.FormatAuto:
		switch {
		case !isTerminal(c.err):
		case c.colours(c.err):
			format = telemetry.FormatColor
		default:
			format = telemetry.FormatText
		}
	case config.FormatJSON:
	}
	return telemetry.NewLogger(c.err, cfg.Level.Level(), format)
}

// file is what a stream leads to, nil where that is no file.
func file(stream any) *os.File {
	if w, ok := stream.(*written); ok {
		stream = w.w
	}
	f, _ := stream.(*os.File)
	return f
}

func isTerminal(stream any) bool {
	f := file(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// colours reports whether what is written to a stream may be coloured.
func (c *console) colours(stream any) bool { return c.draws(stream) && !c.isSet("NO_COLOR") }

// draws reports whether a stream leads to a terminal that knows more than lines.
func (c *console) draws(stream any) bool {
	return isTerminal(stream) && !slices.Contains(c.environ, "TERM=dumb")
}

// warn says at the start what an operator may not have meant.
func warn(log *slog.Logger, cfg *config.Config, environ []string) {
	for _, u := range config.Unknown(environ) {
		if u.Nearest != "" {
			log.Warn("variable means nothing to makebridge", "variable", u.Name, "nearest", u.Nearest)
			continue
		}
		log.Warn("variable means nothing to makebridge", "variable", u.Name)
	}
	for _, off := range cfg.Off {
		log.Info("route is off", "route", off.Name, "reason", off.Reason)
	}
}
