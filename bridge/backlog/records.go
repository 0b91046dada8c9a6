package backlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func decodeHold(id string, value []byte) (Hold, error) {
	var v struct {
		Destination string    `json:"destination"`
		Reason      string    `json:"reason"`
		Status      int       `json:"status"`
		Detail      string    `json:"detail"`
		Since       time.Time `json:"since"`
		Until       time.Time `json:"until"`
		Probes      int       `json:"probes"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return Hold{}, fmt.Errorf("read hold.%s: %w", id, err)
	}
	return Hold{Destination{id, v.Destination}, v.Reason, v.Status, v.Detail, v.Since, v.Until, v.Probes}, nil
}

func decodeReplica(id string, e jetstream.KeyValueEntry) (Replica, error) {
	var v struct {
		Version      string    `json:"version"`
		Host         string    `json:"host"`
		Started      time.Time `json:"started"`
		Routes       []string  `json:"routes"`
		Destinations map[string]struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"destinations"`
	}
	if err := json.Unmarshal(e.Value(), &v); err != nil {
		return Replica{}, fmt.Errorf("read replica.%s: %w", id, err)
	}
	r := Replica{ID: id, Version: v.Version, Host: v.Host, Started: v.Started, Seen: e.Created(), Routes: v.Routes, Destinations: map[string]Destination{}}
	for route, d := range v.Destinations {
		r.Destinations[route] = Destination{d.ID, d.Name}
	}
	return r, nil
}

// decodeDue reads when an event that was put off is due. There may be a hundred
// thousand such notes, and package json takes longer for them than the server
// does to send them: it reads only what does not end as package stream writes it.
func decodeDue(value []byte) (time.Time, error) {
	var v struct {
		Due time.Time `json:"due"`
	}
	if _, rest, ok := bytes.Cut(value, []byte(`,"due":"`)); ok {
		if text, ok := bytes.CutSuffix(rest, []byte(`"}`)); ok && v.Due.UnmarshalText(text) == nil {
			return v.Due, nil
		}
	}
	err := json.Unmarshal(value, &v)
	return v.Due, err
}
