package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// statusLog writes a line for each route at first and whenever something of it
// has changed, its age aside, and so for the replicas and for what is amiss.
type statusLog struct {
	out  *output
	said map[string]string // the last line, by what it is about
}

func (l *statusLog) show(r *statusReport) error {
	var lines strings.Builder
	say := func(about, text, rest string) {
		if before, ok := l.said[about]; !ok || before != text {
			l.said[about] = text
			fmt.Fprintf(&lines, "%s %s %s%s\n", r.At.UTC().Format(time.RFC3339), about, text, rest)
		}
	}
	for _, route := range r.Routes {
		say(route.Name, route.logLine(), " oldest="+route.oldestAge())
	}
	var names []string
	for _, replica := range r.Replicas {
		names = append(names, replica.Host+"/"+replica.ID)
	}
	say("replicas", fmt.Sprintf("alive=%d %s", len(names), strings.Join(names, " ")), "")
	switch text := strings.Join(r.Errors, "; "); {
	case text != "":
		say("error", text, "")
	case l.said["error"] != "":
		say("error", "over: all is known again", "")
	}
	_, err := fmt.Fprint(l.out.w, lines.String())
	return err
}

// logLine is a route in one line.
func (s *statusRoute) logLine() string {
	line := fmt.Sprintf("pending=%s in_hand=%s parked=%s delivered=%s failed=%s destination=%s",
		known(s.Pending, exact), known(s.InHand, exact), known(s.Parked, exact), known(s.Delivered, exact), known(s.Failed, exact), orDash(s.Destination))
	if s.Hold != nil {
		line += fmt.Sprintf(" held=%s meaning=%q", s.Hold.Reason, s.Hold.Meaning)
	}
	if s.Error != "" {
		line += fmt.Sprintf(" error=%q", s.Error)
	}
	return line
}

func (l *statusLog) trouble(err error) error {
	if l.said["error"] == err.Error() {
		return nil
	}
	l.said["error"] = err.Error()
	_, err = fmt.Fprintf(l.out.w, "%s error %v\n", time.Now().UTC().Format(time.RFC3339), err)
	return err
}

func (l *statusLog) fit() error   { return nil }
func (l *statusLog) close() error { return nil }

// statusStream writes every report as one line of JSON.
type statusStream struct{ out *output }

func (s *statusStream) show(r *statusReport) error { return json.NewEncoder(s.out.w).Encode(r) }

func (s *statusStream) trouble(err error) error {
	r := emptyStatusReport(time.Now().UTC())
	r.Errors = append(r.Errors, err.Error())
	return s.show(r)
}

func (s *statusStream) fit() error   { return nil }
func (s *statusStream) close() error { return nil }
