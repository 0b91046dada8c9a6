package main

import (
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// gcPercent is GOGC unless that is set. What a bridge keeps is a few megabytes,
// which Go's own 100 would have collected some fifty times a second under load;
// 150 has it collected two thirds as often, for two megabytes more.
const gcPercent = 150

// limitMemory has garbage collected in time for the container's memory limit,
// and otherwise no more often than needed. GOGC and GOMEMLIMIT win over it.
func limitMemory(environ []string, log *slog.Logger) {
	if !slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		debug.SetGCPercent(gcPercent)
	}
	limit, err := memlimit.Set()
	if err != nil { // no Linux, or a system that hides it
		log.Debug("memory limit of the container is not known", "error", err)
		return
	}
	log.Debug("memory limit", "bytes", limit)
}
