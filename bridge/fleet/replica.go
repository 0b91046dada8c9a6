package fleet

import "time"

// serviceName is the name of the micro service.
const serviceName = "makebridge"

// Replica is a running bridge, as it describes itself.
type Replica struct {
	// ID is the replica's own, as in the key replica.<id> of the bucket.
	ID      string    `json:"id"`
	Version string    `json:"version"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	Routes  []Route   `json:"routes"`
}

// Route is what one replica has done for a route that is on. Counts without a
// unit of time are those since the replica started; counts a minute are those
// of the last 60 seconds.
type Route struct {
	Name string `json:"route"`
	// Destination is the fingerprint of where the events go now, and
	// DestinationID its SHA-256, which keys have in the bucket.
	Destination   string `json:"destination"`
	DestinationID string `json:"destination_id"`
	// Ordering is none, key or strict; empty where the replica does not say.
	Ordering string `json:"ordering,omitempty"`

	Delivered    uint64 `json:"delivered"`
	Filtered     uint64 `json:"filtered"`
	Retried      uint64 `json:"retried"`
	DeadLettered uint64 `json:"dead_lettered"`

	DeliveredLastMinute uint64 `json:"delivered_last_minute"`
	// FailedLastMinute counts failed deliveries that were put off, and dead
	// letters.
	FailedLastMinute uint64 `json:"failed_last_minute"`

	// InFlight is how many events are being handled, posted or about to be, InHand
	// how many the replica has altogether.
	InFlight int `json:"in_flight"`
	InHand   int `json:"in_hand"`
	// Owner says that this replica serves an ordered route, Full that it takes
	// no more events for now.
	Owner bool `json:"owner"`
	Full  bool `json:"full"`
}
