package trace

import (
	"time"
)

// Trace is what is known of an event.
type Trace struct {
	EventID string `json:"event_id"`
	// Type is empty where the event is not in the stream any more.
	Type   string `json:"type,omitempty"`
	Stream string `json:"stream"`
	// Publishes are the event's places in the stream, oldest first: that of
	// the event itself, and those of its replays.
	Publishes []Publish `json:"publishes"`
	// Unknown says what could not be looked at, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// Publish is one place that the event has, or had, in the stream.
type Publish struct {
	Sequence uint64 `json:"sequence"`
	// Subject is the event's own, also for a replay.
	Subject     string    `json:"subject"`
	PublishedAt time.Time `json:"published_at"`
	// ReplayOf is the one route that a replay is for; empty otherwise.
	ReplayOf string `json:"replay_of,omitempty"`
	// Stored says that the stream still has it; ExpiresAt when it will not,
	// zero where it keeps events for ever.
	Stored    bool      `json:"stored"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Routes are those that take it, or have taken it, by name.
	Routes []Route `json:"routes"`
}

// State is what has become of an event on a route.
type State string

// The states.
const (
	// Waiting: the route's consumer has not come to it yet.
	Waiting State = "waiting"
	// InHand: a replica has it, or is about to.
	InHand State = "in_hand"
	// PutOff: its delivery failed, and it waits for the next until Route.Until.
	PutOff State = "put_off"
	// Delivered, Filtered and DeadLettered are what Settled is, where that is
	// known.
	Delivered    State = "delivered"
	Filtered     State = "filtered"
	DeadLettered State = "dead_lettered"
	// Settled: the route is done with it, and nothing tells how.
	Settled State = "settled"
	// NotTaken: the route's consumer begins later.
	NotTaken State = "not_taken"
	// NoConsumer: the route has no consumer any more.
	NoConsumer State = "no_consumer"
)

// Route is what became of the event on one route.
type Route struct {
	Name  string `json:"route"`
	State State  `json:"state"`
	// Until is when an event that is put off is due.
	Until time.Time `json:"until,omitzero"`
	// Reason and Error are those of its dead letter, Letter the sequence of
	// that in the dead-letter stream: 0 where it is not there any more.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
	Letter uint64 `json:"letter,omitempty"`
	// Hold is set while the event is not settled and its destination is held,
	// Behind while an event of the same key that was put off goes first.
	Hold   *Hold   `json:"hold,omitempty"`
	Behind *Behind `json:"behind,omitempty"`
	// PausedUntil is set while the event is not settled and somebody has paused
	// the route's consumer.
	PausedUntil time.Time `json:"paused_until,omitzero"`
	// Note says in words what is not certain.
	Note string `json:"note,omitempty"`
	// Steps are what the receipts tell, oldest first.
	Steps []Step `json:"steps"`
}

// Hold is why a destination gets no events.
type Hold struct {
	// Destination is its fingerprint.
	Destination string `json:"destination"`
	// Reason is backpressure, misconfigured or failed; Status the answer that it
	// is held for, 0 where none came. Meaning says in words what happened, and
	// what there is to do.
	Reason  string `json:"reason"`
	Status  int    `json:"status,omitempty"`
	Meaning string `json:"meaning"`
	// Since is when it began, Until when it may be probed. Probes is how many
	// have failed.
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Probes int       `json:"failed_probes"`
}

// Behind is the event that goes first on a route which keeps an order.
type Behind struct {
	EventID  string `json:"event_id"`
	Sequence uint64 `json:"sequence"`
	// Until is when it is due.
	Until time.Time `json:"until"`
}

// Step is one receipt.
type Step struct {
	At time.Time `json:"at"`
	// Outcome is delivered, filtered, retried or dead_lettered.
	Outcome string `json:"outcome"`
	// Status is the last answer's, 0 where none came; Attempts the requests of
	// this delivery, and DurationMS how long they took.
	Status     int    `json:"status,omitempty"`
	Attempts   int    `json:"attempts"`
	DurationMS int64  `json:"duration_ms"`
	Delivery   int    `json:"delivery"`
	Replica    string `json:"replica"`
	// DelayMS is how long an event was put off.
	DelayMS int64  `json:"delay_ms,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

// settled reports whether the event is done with on a route.
func (s State) settled() bool { return s != Waiting && s != InHand && s != PutOff }

// due is when an event that was put off is to be delivered again.
func (s Step) due() time.Time { return s.At.Add(time.Duration(s.DelayMS) * time.Millisecond) }
