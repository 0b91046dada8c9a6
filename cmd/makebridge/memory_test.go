package main

import (
	"log/slog"
	"runtime/debug"
	"testing"
)

// TestGOGCWinsOverTheDefault: who sets it means it.
func TestGOGCWinsOverTheDefault(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	t.Setenv("GOMEMLIMIT", "1GiB")
	debug.SetMemoryLimit(1 << 30) // as the runtime did, had it been set at the start
	for _, tt := range []struct {
		environ []string
		percent int
	}{
		{[]string{"PATH=/bin", "GOGC=77"}, 77},
		{[]string{"PATH=/bin", "GOGC_=1"}, gcPercent},
	} {
		limitMemory(tt.environ, slog.New(slog.DiscardHandler))
		if got := debug.SetGCPercent(77); got != tt.percent {
			t.Errorf("with %q the GC percent is %d, want %d", tt.environ, got, tt.percent)
		}
	}
	if got := debug.SetMemoryLimit(-1); got != 1<<30 {
		t.Errorf("GOMEMLIMIT was overridden: %d", got)
	}
}
