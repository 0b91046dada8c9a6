package report

import (
	"cmp"
	"maps"
	"time"
)

// tally is how often something has happened, and what is told of it. It is what
// a report's payload has beside the route, and what the bucket keeps until then.
type tally struct {
	Count int       `json:"count"`
	Since time.Time `json:"since,omitzero"` // of the first
	// Of dead letters.
	Reasons     map[string]int `json:"reasons,omitempty"`
	LastEventID string         `json:"last_event_id,omitempty"`
	// Of holds and recoveries: the last, HeldMS all together.
	Destination string `json:"destination,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Status      int    `json:"status,omitempty"`
	HeldMS      int64  `json:"held_ms,omitempty"`
}

func (t tally) empty() bool { return t.Count == 0 }

// plus is t and later together. Neither is changed.
func (t tally) plus(later tally) tally {
	switch {
	case t.empty():
		return later
	case later.empty():
		return t
	}
	sum := later
	sum.Count += t.Count
	sum.HeldMS += t.HeldMS
	if t.Since.Before(sum.Since) {
		sum.Since = t.Since
	}
	sum.LastEventID = cmp.Or(later.LastEventID, t.LastEventID)
	sum.Reasons = maps.Clone(t.Reasons)
	for reason, n := range later.Reasons {
		if sum.Reasons == nil {
			sum.Reasons = map[string]int{}
		}
		sum.Reasons[reason] += n
	}
	return sum
}
