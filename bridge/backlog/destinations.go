package backlog

import (
	"cmp"
	"slices"
	"time"
)

// destinationsOf returns where the events of a route go by what the replicas
// say, what most of them say first. Of two that are named as often it is the
// one that a replica started later has: that has the newer configuration.
func destinationsOf(route string, replicas []Replica) []Destination {
	type vote struct {
		destination Destination
		replicas    int
		started     time.Time
	}
	var votes []vote
	for _, r := range replicas {
		d, ok := r.Destinations[route]
		if !ok {
			continue
		}
		i := slices.IndexFunc(votes, func(v vote) bool { return v.destination == d })
		if i < 0 {
			i, votes = len(votes), append(votes, vote{destination: d})
		}
		votes[i].replicas++
		if r.Started.After(votes[i].started) {
			votes[i].started = r.Started
		}
	}
	slices.SortFunc(votes, func(a, b vote) int {
		return cmp.Or(cmp.Compare(b.replicas, a.replicas), b.started.Compare(a.started), compareNames(a.destination, b.destination))
	})
	named := make([]Destination, len(votes))
	for i, v := range votes {
		named[i] = v.destination
	}
	return named
}

func compareNames(a, b Destination) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}
