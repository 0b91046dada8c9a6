package bridge

import "time"

// Outcome is what becomes of a message once the pipeline is done with it.
type Outcome uint8

// The outcomes. The zero Outcome is invalid.
const (
	// Delivered: the webhook answered 2xx; acknowledge.
	Delivered Outcome = iota + 1
	// Filtered: the route does not want the event; acknowledge.
	Filtered
	// Retried: the delivery failed; put the message off by Verdict.Delay.
	Retried
	// DeadLettered: store a letter, then acknowledge.
	DeadLettered
	// HandedBack: the bridge stops; give the message back at once.
	HandedBack
)

// String returns the outcome as metrics and logs name it.
func (o Outcome) String() string {
	return [...]string{"", "delivered", "filtered", "retried", "dead_lettered", "handed_back"}[o]
}

// Reason is why an event was dead-lettered.
type Reason uint8

// The reasons. The zero Reason is invalid.
const (
	// Invalid: not an event that can be delivered.
	Invalid Reason = iota + 1
	// Rejected: the webhook will never accept it.
	Rejected
	// Exhausted: it failed BRIDGE_MAX_DELIVERIES times while others succeeded.
	Exhausted
	// Expired: it failed when older than BRIDGE_GIVE_UP_AFTER.
	Expired
	// Crashed: handling it crashed, several times.
	Crashed
)

// String returns the reason as letters and metrics name it.
func (r Reason) String() string {
	return [...]string{"", "invalid", "rejected", "exhausted", "expired", "crashed"}[r]
}

// Verdict says how a message is to be settled, and what to tell about it.
type Verdict struct {
	Outcome Outcome
	// Delay is how long a retried message waits for its next delivery.
	Delay time.Duration
	// Reason is set on dead letters only.
	Reason Reason
	// Error says what went wrong, as Answer.Detail does.
	Error string
	// Warning says which check a message failed that is delivered all the same.
	Warning string
	// EventID and Type are the event's own, empty where it could not be read.
	EventID, Type string
	// Status is the last HTTP status, 0 where none came; Attempts the requests
	// sent in this delivery; Duration the time they took, waits between them
	// included, waits at the gate not.
	Status   int
	Attempts int
	Duration time.Duration
}
