package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
)

// setting is a variable and what it comes to.
type setting struct{ name, value string }

// settings are an object in JSON.
type settings []setting

// MarshalJSON returns the values by name.
func (s settings) MarshalJSON() ([]byte, error) {
	values := map[string]string{}
	for _, one := range s {
		values[one.name] = one.value
	}
	return json.Marshal(values)
}

// settingsOf lists what every variable comes to that belongs to no route, in
// the order in which they are documented. They are read from the structs that
// package config fills, so that none is forgotten; secrets are of types that
// show as fingerprints.
func settingsOf(cfg *config.Config) settings {
	var list settings
	for _, group := range []any{cfg.NATS, cfg.Stream, cfg.Delivery, cfg.Retry, cfg.Hold, cfg.General, cfg.Log} {
		v := reflect.ValueOf(group)
		for _, f := range reflect.VisibleFields(v.Type()) {
			if name := f.Tag.Get("env"); name != "" {
				list = append(list, setting{name, settingText(v.FieldByIndex(f.Index).Interface())})
			}
		}
	}
	return list
}

func settingText(value any) string {
	switch v := value.(type) {
	case time.Duration:
		if v == 0 {
			return ""
		}
		return short(v)
	case []time.Duration:
		var list []string
		for _, d := range v {
			list = append(list, short(d))
		}
		return strings.Join(list, ",")
	case []config.Server:
		var list []string
		for _, s := range v {
			list = append(list, s.String())
		}
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}

// short is a duration without units that are zero.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// routeReport is a route and where it leads.
type routeReport struct {
	Name        string          `json:"route"`
	Subjects    []string        `json:"subjects"`
	Off         string          `json:"off,omitempty"`
	Destination string          `json:"destination,omitempty"`
	APIKey      bridge.Secret   `json:"api_key,omitzero"`
	SigningKeys []bridge.Secret `json:"signing_keys,omitempty"`
	Limit       string          `json:"rate_limit,omitempty"`
	Concurrency int             `json:"concurrency,omitempty"`
	Timeout     string          `json:"timeout,omitempty"`
	Ordering    string          `json:"ordering,omitempty"`
	MinSeverity string          `json:"min_severity,omitempty"`
	Waiting     uint64          `json:"waiting,omitempty"`

	waits string
}

func routesOf(cfg *config.Config) []routeReport {
	list := []routeReport{}
	for _, r := range cfg.Routes {
		d := r.Destination
		list = append(list, routeReport{
			Name: r.Name, Subjects: r.Subjects, Destination: d.URL.String(), APIKey: d.APIKey, SigningKeys: d.SigningKeys,
			Limit: d.Limit.String(), Concurrency: r.Concurrency, Timeout: short(r.Timeout),
			Ordering: r.Ordering.String(), MinSeverity: r.MinSeverity.String(),
		})
	}
	for _, r := range cfg.Off {
		list = append(list, routeReport{Name: r.Name, Subjects: r.Subjects, Off: r.Reason})
	}
	return list
}

// print writes the report for people.
func (r *report) print(out *output) {
	out.title("Configuration")
	var rows [][]string
	for _, s := range r.Configuration {
		if s.value != "" {
			rows = append(rows, []string{s.name, s.value})
		}
	}
	out.table("  ", rows)
	out.title("\nRoutes")
	for _, route := range r.Routes {
		route.print(out)
	}
	if r.NATS != nil {
		out.title("\nNATS")
		fmt.Fprintf(out.w, "  connected to %s, nats-server %s\n", r.NATS.Server, r.NATS.Version)
	}
	if len(r.changes) > 0 {
		out.title("\nStreams and consumers")
		printChanges(out, "  ", r.changes, is)
	}
	if len(r.Findings) > 0 {
		out.title("\nFindings")
	}
	for _, f := range r.Findings {
		label := map[level]string{levelError: out.paint(red, "error"), levelWarning: out.paint(yellow, "warning"), levelNote: "note"}[f.Level]
		out.item("  "+label+strings.Repeat(" ", 9-visible(label)), f.Text)
	}
}

func (r routeReport) print(out *output) {
	name := fmt.Sprintf("  %-18s  ", r.Name)
	below := strings.Repeat(" ", len(name))
	if r.Off != "" {
		out.item(name, out.paint(yellow, "off:")+" "+r.Off)
	} else {
		out.item(name, out.paint(green, r.Destination)+r.secrets())
		out.item(below, fmt.Sprintf("%s; %d in flight, limit %s, timeout %s, ordering %s%s",
			strings.Join(r.Subjects, ", "), r.Concurrency, r.Limit, r.Timeout, r.Ordering, r.severity()))
	}
	if r.waits != "" {
		out.item(below, out.paint(yellow, r.waits))
	}
}

func (r routeReport) secrets() string {
	text := ""
	if !r.APIKey.IsZero() {
		text = ", API key " + r.APIKey.String()
	}
	if len(r.SigningKeys) == 0 {
		return text
	}
	var keys []string
	for _, key := range r.SigningKeys {
		keys = append(keys, key.String())
	}
	return text + ", signed with " + strings.Join(keys, " and ")
}

func (r routeReport) severity() string {
	if r.MinSeverity == "" {
		return ""
	}
	return ", severity " + r.MinSeverity + " and above"
}
