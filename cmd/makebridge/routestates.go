package main

import (
	"slices"

	"github.com/makebridge/makebridge/bridge/stream"
	"github.com/makebridge/makebridge/bridge/telemetry"
)

// routeStates says what this replica has of each route now.
type routeStates func() []stream.RouteState

// of returns the state of one route, a zero one for a route that is off.
func (s routeStates) of(route string) stream.RouteState {
	all := s()
	i := slices.IndexFunc(all, func(r stream.RouteState) bool { return r.Route == route })
	if i < 0 {
		return stream.RouteState{}
	}
	return all[i]
}

// ordered are the routes that keep an order, as metrics have them.
func (s routeStates) ordered() []telemetry.Ordered {
	var all []telemetry.Ordered
	for _, r := range s() {
		if r.Ordering.Keeps() {
			all = append(all, telemetry.Ordered{Route: r.Route, Owner: r.Owned, Full: r.Full})
		}
	}
	return all
}
