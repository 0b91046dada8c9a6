package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/trace"
)

// printTrace prints what became of an event, for people: each publish, below it
// what happened on each route, oldest first, and at last how it is now.
func printTrace(out *output, t *trace.Trace, dlq string) {
	out.item("event      ", t.EventID)
	if t.Type != "" {
		out.item("type       ", t.Type)
	}
	for _, p := range t.Publishes {
		fmt.Fprintln(out.w)
		label, what := "published  ", "on "+p.Subject
		if p.ReplayOf != "" {
			label, what = "replayed   ", "to route "+p.ReplayOf
		}
		out.item(label, fmt.Sprintf("%s %s, sequence %d of %s%s", clock(p.PublishedAt), what, p.Sequence, t.Stream, kept(p)))
		if len(p.Routes) == 0 {
			out.item("  ", out.paint(yellow, "no route takes it")+": no consumer that makebridge has made has its subject")
		}
		for _, r := range p.Routes {
			printTraceRoute(out, r, dlq)
		}
	}
	for i, text := range t.Unknown {
		if i == 0 {
			fmt.Fprintln(out.w)
		}
		out.item("not known  ", text)
	}
}

// kept says how long the stream keeps an event.
func kept(p trace.Publish) string {
	switch {
	case !p.Stored:
		return ", which does not have it any more"
	case p.ExpiresAt.IsZero():
		return ""
	}
	return ", kept until " + clock(p.ExpiresAt)
}

func printTraceRoute(out *output, r trace.Route, dlq string) {
	name := r.Name
	line := func(colour int, what, text string) {
		out.item(fmt.Sprintf("  %-18s  %s  ", name, out.paint(colour, fmt.Sprintf("%-13s", what))), text)
		name = ""
	}
	told := trace.State("")
	for i, s := range r.Steps {
		text := clock(s.At) + stepText(s)
		if last := i == len(r.Steps)-1; last && s.Outcome == string(r.State) {
			told = r.State
			text += letterText(r, dlq)
		}
		colour, what := outcomeWords(s.Outcome)
		line(colour, what, text)
	}
	if told == r.State {
		return
	}
	colour, what := stateWords(r.State)
	text := r.Note
	switch r.State {
	case trace.Waiting:
		text = "the route has not come to it yet"
	case trace.PutOff:
		text = "until " + clock(r.Until)
	case trace.DeadLettered:
		text = strings.TrimPrefix(letterText(r, dlq), ", ")
	default:
	}
	line(colour, what, text)
	if r.Hold != nil {
		line(red, "held", traceHoldText(r.Hold))
	}
	if !r.PausedUntil.IsZero() {
		line(yellow, "paused", "by somebody until "+clock(r.PausedUntil)+": nats consumer resume")
	}
	if r.Behind != nil {
		line(yellow, "kept behind", fmt.Sprintf("%s, sequence %d, which goes first and is put off until %s", r.Behind.EventID, r.Behind.Sequence, clock(r.Behind.Until)))
	}
}

// traceHoldText says how long a destination has been held, when it is tried
// next, and why.
func traceHoldText(h *trace.Hold) string {
	text := "since " + clock(h.Since)
	if h.Probes > 0 {
		text += ", " + plural(uint64(h.Probes), "probe") + " failed"
	}
	return text + ", next at " + clock(h.Until) + ": " + h.Meaning
}

// stepText says how an event was delivered, or why not.
func stepText(s trace.Step) string {
	var b strings.Builder
	answer := fmt.Sprintf("HTTP %d", s.Status)
	switch {
	case strings.HasPrefix(s.Error, answer): // it says the same, and more
		b.WriteString(", " + s.Error)
	case s.Status != 0:
		b.WriteString(", " + answer)
	}
	if s.Attempts > 0 {
		fmt.Fprintf(&b, ", %s in %s", plural(uint64(s.Attempts), "request"), time.Duration(s.DurationMS)*time.Millisecond)
	}
	fmt.Fprintf(&b, ", delivery %d, replica %s", s.Delivery, s.Replica)
	if s.Outcome == bridge.Retried.String() {
		fmt.Fprintf(&b, ", put off for %s", (time.Duration(s.DelayMS) * time.Millisecond).Round(time.Second))
		if s.Error != "" && !strings.HasPrefix(s.Error, answer) {
			b.WriteString(": " + s.Error)
		}
	}
	return b.String()
}

// letterText says why an event is a dead letter, and where that is.
func letterText(r trace.Route, dlq string) string {
	if r.State != trace.DeadLettered {
		return ""
	}
	text := ", " + r.Reason
	if r.Error != "" {
		text += ": " + r.Error
	}
	if r.Letter != 0 {
		return text + fmt.Sprintf(" (letter %d of %s)", r.Letter, dlq)
	}
	return text + " (" + r.Note + ")"
}

func outcomeWords(outcome string) (colour int, words string) {
	switch outcome {
	case bridge.Delivered.String():
		return green, "delivered"
	case bridge.Filtered.String():
		return green, "filtered"
	case bridge.Retried.String():
		return yellow, "failed"
	case bridge.DeadLettered.String():
		return red, "dead-lettered"
	}
	return yellow, outcome
}

func stateWords(s trace.State) (colour int, words string) {
	switch s {
	case trace.Delivered, trace.Filtered, trace.DeadLettered:
		return outcomeWords(string(s))
	case trace.Settled:
		return green, "settled"
	case trace.Waiting, trace.InHand, trace.PutOff, trace.NotTaken, trace.NoConsumer:
	}
	return yellow, strings.ReplaceAll(string(s), "_", " ")
}
