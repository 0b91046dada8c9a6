package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/telemetry"
)

// newLogger returns the logger that the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	format := telemetry.FormatJSON
	switch c.Format {
	case config.FormatText:
		format = telemetry.FormatText
	case config.FormatAuto:
		if isTerminal(w) {
			format = telemetry.FormatColor
		}
	case config.FormatJSON:
	}
	return telemetry.NewLogger(w, c.Level.Level(), format)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
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
