package main

import (
	"fmt"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/backlog"
)

// holdMeaning says in words why a destination is held, and what there is to do.
func holdMeaning(h backlog.Hold) string {
	switch h.Reason {
	case bridge.ClassMisconfigured.String():
		return h.Detail + ": " + mend(h.Status)
	case bridge.ClassBackpressure.String():
		return h.Detail + ": make.com asks to wait; the bridge goes on by itself"
	case bridge.ClassFailed.String():
		return h.Detail + ": one event after another failed; the bridge tries on by itself, look into the scenario's history if that lasts"
	}
	return h.Detail
}

// holdAge says how long a destination has been held, and for what reason.
func holdAge(h *statusHold, now time.Time) string {
	text := "held for " + age(now.Sub(h.Since)) + " (" + h.Reason + ")"
	if h.Probes > 0 {
		text += ", " + plural(uint64(h.Probes), "probe") + " failed"
	}
	return text
}

// holdProgress says how long a destination has been held, for what reason, and
// when it is probed next.
func holdProgress(h *statusHold, now time.Time) string {
	text := holdAge(h, now)
	if wait := h.Until.Sub(now); wait > 0 {
		return text + ", next probe in " + age(wait)
	}
	return text + ", next probe with the next event"
}

// age is a duration in at most four characters: its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
