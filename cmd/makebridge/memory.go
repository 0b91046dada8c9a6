package main

import (
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// gcPercent is GOGC unless that is set. What a bridge keeps is a few megabytes,
// which under load are collected some dozen times a second. At 120 that takes 4 %
// more of its CPU time and two megabytes less, at 190 the other way round.
const gcPercent = 160

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

// startUp is when a start is over, if NATS is there.
const startUp = 2 * time.Second

// returnStartUp gives the memory back that a start takes: the event schemas and
// a first look at the streams leave some megabytes of garbage, which Go would
// keep as room for more, and an idle bridge needs none. It costs one collection.
func returnStartUp() (stop func() bool) { return time.AfterFunc(startUp, debug.FreeOSMemory).Stop }
