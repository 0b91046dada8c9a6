package backlog

import "time"

// State is how the routes stand, at one moment more or less: the server is
// asked several questions, and goes on meanwhile.
type State struct {
	// At is the moment, by the server's clock, as are all times here. Ages are
	// to be counted from it: this machine's clock may be wrong.
	At time.Time
	// Routes are in the order of their names.
	Routes []Route
	// Holds are the destinations that are held, in the order of their names.
	Holds []Hold
	// Replicas are those alive, the one that has run for longest first.
	Replicas []Replica
	// ListErr says why the consumers of the stream could not be listed: there
	// may be more routes than those of the replicas alive.
	ListErr error
	// SharedErr says why the bucket could not be read, or not to its end. Then
	// holds, replicas, destinations and Delayed are not known, or not all.
	// It is a *NoBucketError where there is no bucket.
	SharedErr error
}

// Route is how one route stands.
type Route struct {
	Name string
	// Destination is where its events go: what most of the replicas say, and of
	// those the one started last. Others are what the rest says, as while an
	// address is being replaced. It is zero where no replica serves the route.
	Destination Destination
	Others      []Destination
	// Hold is set while Destination is held.
	Hold *Hold
	// Owner is the replica alive that serves a route which keeps an order, if
	// any.
	Owner string

	// Known is whether the consumer could be read. Otherwise all that follows is
	// zero and means nothing; Err says why.
	Known bool
	// NumPending is how many events were never handed out, AckPending how many
	// were and are not settled; MaxAckPending bounds the latter, 0 or less does
	// not. Redelivered is how many of AckPending were handed out again.
	NumPending    uint64
	AckPending    uint64
	MaxAckPending int
	Redelivered   uint64
	// Delayed is how many of AckPending wait for their redelivery to be due.
	Delayed uint64
	// Parked is what cannot be delivered now: everything while the destination
	// is held, Delayed otherwise. Pending is the rest, in hand included.
	Parked, Pending uint64

	// Oldest is the oldest event that is not settled, nil if there is none.
	Oldest *Event
	// PausedFor is how long somebody has paused the consumer for, 0 if nobody.
	PausedFor time.Duration
	// Err says what could not be found out, nil where all was.
	Err error
}

// InHand returns how many events replicas have in their hands: those that were
// handed out and do not wait for a redelivery. Of a replica that was killed
// they count until the ack wait is over.
func (r *Route) InHand() uint64 { return r.AckPending - r.Delayed }

// Full reports whether so many events were handed out that the server hands
// out no more before some are settled.
func (r *Route) Full() bool {
	return r.MaxAckPending > 0 && r.AckPending >= uint64(r.MaxAckPending)
}

// divide tells what is parked from what is pending.
func (r *Route) divide(delayed uint64) {
	// The notes are read a moment before or after the consumer.
	r.Delayed = min(delayed, r.AckPending)
	all := r.NumPending + r.AckPending
	r.Parked = r.Delayed
	if r.Hold != nil {
		r.Parked = all
	}
	r.Pending = all - r.Parked
}

// Event is an event's place in the stream.
type Event struct {
	Sequence  uint64
	Published time.Time
	// Expires is when the stream drops it, zero where it never does.
	Expires time.Time
}

// Destination names a destination without revealing it.
type Destination struct {
	// ID is the SHA-256 of its address, in hex; Name its fingerprint.
	ID, Name string
}

// Hold is why and until when a destination is held.
type Hold struct {
	Destination Destination
	// Reason is the class of the answer that it is held for, as bridge.Class
	// names it; Status that answer's, 0 where none came; Detail one line on it
	// without secrets.
	Reason string
	Status int
	Detail string
	// Since is when it began, Until when it may be probed, if a replica has an
	// event to probe with. Probes is how many have failed.
	Since, Until time.Time
	Probes       int
}

// Replica is a bridge that runs.
type Replica struct {
	ID, Version, Host string
	// Started is when, by that machine's clock; Seen is when its record was
	// last written.
	Started, Seen time.Time
	// Routes are those it serves, Destinations where their events go, by route.
	Routes       []string
	Destinations map[string]Destination
}
