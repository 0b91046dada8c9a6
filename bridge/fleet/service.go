package fleet

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// Config is what a Service works with. Every field but State is required.
type Config struct {
	Conn *nats.Conn
	// ID, Version, Host and Started are the replica's; a Version need not be
	// of SemVer's form.
	ID, Version, Host string
	Started           time.Time
	Routes            []*bridge.Route
	// Destination returns where a route's events go now.
	Destination func(route string) *bridge.Destination
	// State returns what a route is doing now; nil where nobody knows.
	State  func(route string) State
	Logger *slog.Logger
}

// State is what a replica is doing for a route now; see Route for the fields.
type State struct {
	Ordering         string
	InFlight, InHand int
	Owner, Full      bool
}

// Service is this replica as the others see it.
type Service struct {
	cfg     Config
	tallies map[string]*tally // by route; the map does not change
}

// New returns a Service that answers once it runs, and counts from now on.
func New(c Config) *Service {
	s := &Service{cfg: c, tallies: map[string]*tally{}}
	for _, r := range c.Routes {
		s.tallies[r.Name] = &tally{}
	}
	return s
}

// Settled counts an event. It has the form of a stream's observer.
func (s *Service) Settled(route string, _ bridge.Message, v bridge.Verdict) {
	if t := s.tallies[route]; t != nil {
		t.add(v, time.Now())
	}
}

// Routes returns what this replica has done for each of its routes, in the
// order in which they were given.
func (s *Service) Routes() []Route {
	routes := make([]Route, len(s.cfg.Routes))
	for i, r := range s.cfg.Routes {
		routes[i] = s.route(r)
	}
	return routes
}

func (s *Service) route(r *bridge.Route) Route {
	d := s.cfg.Destination(r.Name)
	now := Route{Name: r.Name, Destination: d.URL.String(), DestinationID: d.URL.ID()}
	s.tallies[r.Name].fill(&now, time.Now())
	if s.cfg.State != nil {
		state := s.cfg.State(r.Name)
		now.Ordering, now.InFlight, now.InHand, now.Owner, now.Full = state.Ordering, state.InFlight, state.InHand, state.Owner, state.Full
	}
	return now
}
