package testbed

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLogKeepsWhatHasTheLevel(t *testing.T) {
	var l Log
	log := l.Logger(slog.LevelInfo)
	log.Debug("too low")
	log.Info("kept", "n", 1)
	log.Error("kept", "n", 2)
	if lines := strings.Split(l.String(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "n=1") || !strings.Contains(lines[1], "n=2") {
		t.Errorf("logged %q", lines)
	}
}
