package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// ping is a test event on its way to a route's webhook.
type ping struct {
	route   *bridge.Route
	subject string
	event   *schemas.Event
	body    []byte
}

func (p ping) request() bridge.Request {
	return bridge.Request{
		Destination: p.route.Destination,
		EventID:     p.event.ID, Type: p.event.Type, Subject: p.subject, Body: p.body,
		Delivery: 1, Attempt: 1, MaxAttempts: 1, Timeout: p.route.Timeout,
	}
}

// repeats reports whether another ping shows the webhook the same.
func (p ping) repeats(o ping) bool { return p.route == o.route && p.event.Type == o.event.Type }

// pingsFor returns the pings that the names of routes, types and subjects ask
// for, none of them twice; no names ask for all.
func pingsFor(cfg *config.Config, names []string) ([]ping, error) {
	if len(names) == 0 {
		for _, r := range cfg.Routes {
			names = append(names, r.Name)
		}
	}
	var pings []ping
	for _, name := range names {
		more, err := pingsNamed(cfg, name)
		if err != nil {
			return nil, err
		}
		for _, p := range more {
			if !slices.ContainsFunc(pings, p.repeats) {
				pings = append(pings, p)
			}
		}
	}
	return pings, nil
}

func pingsNamed(cfg *config.Config, name string) ([]ping, error) {
	entry, isEvent := find(name)
	if isEvent {
		name = entry.Route
	}
	for i := range cfg.Routes {
		if r := &cfg.Routes[i]; r.Name == name {
			if isEvent {
				return newPings(r, []subjects.Entry{entry})
			}
			return newPings(r, entriesOf(r))
		}
	}
	for _, off := range cfg.Off {
		if off.Name == name {
			return nil, &usageError{fmt.Errorf("route %s is off: %s", off.Name, off.Reason)}
		}
	}
	return nil, &usageError{fmt.Errorf("%q is neither a route, nor a type or a subject of the catalogue", name)}
}

// entriesOf are a route's entries of the catalogue, or what stands for one
// where there are none.
func entriesOf(r *bridge.Route) []subjects.Entry {
	var entries []subjects.Entry
	for _, e := range subjects.Catalogue() {
		if e.Route == r.Name {
			entries = append(entries, e)
		}
	}
	if len(entries) > 0 {
		return entries
	}
	subject := strings.NewReplacer("*", "test", ">", "test").Replace(r.Subjects[0])
	if e, ok := subjects.BySubject(subject); ok {
		return []subjects.Entry{e}
	}
	typ := subject
	if _, taken := subjects.ByType(typ); taken {
		typ += ".test"
	}
	return []subjects.Entry{{Type: typ, Subject: subject}}
}

func newPings(r *bridge.Route, entries []subjects.Entry) ([]ping, error) {
	var pings []ping
	for _, entry := range entries {
		payload, ok := schemas.Example(entry.Type)
		if !ok {
			payload = []byte("{}")
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make an event id: %w", err)
		}
		event, err := schemas.Wrap(entry.Type, payload, schemas.WithID("test-"+id.String()), schemas.WithMember("test", true))
		if err != nil {
			return nil, fmt.Errorf("make a test event for route %s: %w", r.Name, err)
		}
		body, err := event.Encode()
		if err != nil {
			return nil, fmt.Errorf("make a test event for route %s: %w", r.Name, err)
		}
		pings = append(pings, ping{r, entry.Subject, event, body})
	}
	return pings, nil
}
