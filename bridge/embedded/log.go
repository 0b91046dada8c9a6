package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// lineLogger hands nats-server's lines to slog. A fatal line, after which
// nats-server's own logger would end the process, is kept for Start to return.
type lineLogger struct {
	log *slog.Logger

	mu     sync.Mutex
	fatals []error
}

func (l *lineLogger) debugs() bool {
	return l.log.Enabled(context.Background(), slog.LevelDebug)
}

// fatal returns what stopped the server so far.
func (l *lineLogger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.fatals...)
}

func (l *lineLogger) line(level slog.Level, format string, args []any) {
	// No context reaches nats-server's logger.
	l.log.Log(context.Background(), level, "nats server", "line", fmt.Sprintf(format, args...))
}

func (l *lineLogger) Noticef(format string, args ...any) { l.line(slog.LevelInfo, format, args) }
func (l *lineLogger) Warnf(format string, args ...any)   { l.line(slog.LevelWarn, format, args) }
func (l *lineLogger) Errorf(format string, args ...any)  { l.line(slog.LevelError, format, args) }
func (l *lineLogger) Debugf(format string, args ...any)  { l.line(slog.LevelDebug, format, args) }
func (l *lineLogger) Tracef(format string, args ...any)  { l.line(slog.LevelDebug, format, args) }

func (l *lineLogger) Fatalf(format string, args ...any) {
	l.line(slog.LevelError, format, args)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatals = append(l.fatals, fmt.Errorf(format, args...))
}
