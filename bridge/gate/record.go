package gate

import (
	"encoding/json"

	"github.com/makebridge/makebridge/bridge"
)

// Destination names where the events of a route go, without revealing it.
type Destination struct {
	// ID is what follows hold. in the bucket, Name the fingerprint.
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Moved has this replica's record written at once: what Config.Destinations
// returns has changed. It does not wait for that.
func (s *Shared) Moved() {
	select {
	case s.moved <- struct{}{}:
	default: // it is about to be written
	}
}

// record is what the bucket is to say of this replica now.
func (s *Shared) record() ([]byte, error) {
	r := s.replica
	r.Destinations = named(s.cfg.Destinations())
	return json.Marshal(r)
}

func named(destinations map[string]*bridge.Destination) map[string]Destination {
	names := make(map[string]Destination, len(destinations))
	for route, d := range destinations {
		names[route] = Destination{d.URL.ID(), d.URL.String()}
	}
	return names
}
