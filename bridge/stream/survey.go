package stream

import (
	"context"

	"github.com/makebridge/makebridge/bridge"
)

// tellDangers says at the start which settings of the streams and consumers,
// somebody's choice, can lose or withhold events.
func (s *Supervisor) tellDangers(ctx context.Context) {
	routes := make([]*bridge.Route, len(s.consumers))
	for i, c := range s.consumers {
		routes[i] = c.route
	}
	settings := s.settings
	settings.Receipts = "" // no route is to wait for an answer about them
	changes, err := NewProvisioner(s.js, settings).Plan(ctx, routes)
	if err != nil {
		s.log.Debug("not all settings are known", "error", err)
	}
	for _, c := range changes {
		for _, danger := range c.Dangers {
			s.log.Warn("a setting can lose or withhold events", "kind", c.Kind.String(), "name", c.Name, "setting", danger)
		}
	}
}

// tellWaiting says at the start what waits for routes that are off, and what
// routes that are new will deliver.
func (s *Supervisor) tellWaiting(ctx context.Context) {
	on := make([]*bridge.Route, len(s.consumers))
	for i, c := range s.consumers {
		on[i] = c.route
	}
	for _, w := range Waiting(ctx, s.js, s.settings, s.off, on) {
		log := s.log.With("route", w.Route)
		if w.Err != nil {
			log.Debug("waiting events are not known", "error", w.Err)
		}
		if w.Events == 0 {
			continue
		}
		log = log.With("events", w.Events, "at_most", w.AtMost)
		if !w.Oldest.IsZero() {
			log = log.With("oldest", w.Oldest)
		}
		if !w.Expires.IsZero() {
			log = log.With("oldest_expires", w.Expires)
		}
		if w.Off {
			log.Warn("events wait for a route that is off")
			continue
		}
		log.Info("route is new and delivers what has waited")
	}
}
