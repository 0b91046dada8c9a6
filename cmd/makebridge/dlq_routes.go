package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge/config"
)

// checkRoute refuses a route that has neither letters nor a consumer, and names
// those there are. Where NATS does not tell, every route may be one.
func checkRoute(ctx context.Context, cfg *config.Installation, nats *link, route string, letters map[string]uint64) error {
	if route == "" || letters[route] > 0 {
		return nil
	}
	known := map[string]bool{}
	for name := range letters {
		known[name] = true
	}
	s, err := nats.js.Stream(ctx, cfg.Stream.Name)
	if err != nil {
		return nil //nolint:nilerr // it is not known
	}
	consumers := s.ListConsumers(ctx)
	for c := range consumers.Info() {
		if c.Name == route {
			return nil
		}
		if c.Config.Metadata["app"] == "makebridge" {
			known[c.Name] = true
		}
	}
	if consumers.Err() != nil {
		return nil //nolint:nilerr // it is not known
	}
	there := "there is none"
	if len(known) > 0 {
		there = "there are " + printable(strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return fmt.Errorf("route %s has neither dead letters nor a consumer of %s: %s", printable(route), cfg.Stream.Name, there)
}
