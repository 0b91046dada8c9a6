// Package lease lets one replica at a time own something: the route that keeps
// an order. The replicas share a NATS key-value bucket and nothing else.
//
//	owner.<route>   who owns it, rewritten every second or so while they do
//
// The key is only ever changed by compare-and-set on its revision, so two
// replicas that want it at once cannot both get it. What a standby needs to
// know is in the value: how long the owner may be silent.
//
// # Time
//
// No clocks are compared between machines. A standby takes an owner for gone
// when it has seen the same revision for as long as the lease lives, by its own
// monotonic clock. The owner counts from the beginning of its last renewal that
// succeeded, by its own monotonic clock, and stops a margin earlier. What the
// standby saw was written after that beginning, so the owner is always the
// first to know; also one that was stopped (SIGSTOP) and wakes up, as soon as
// it looks at its clock.
//
// A tenure that could not be renewed in time is suspended, not over: it goes on
// if a renewal succeeds after all, since then nobody has owned the key in
// between. It is over when somebody else has written the key or removed it.
//
// # Records that are missing
//
// An owner that leaves does not remove its key: it writes that it is released.
// So a key that is not there says that nobody has ever owned it, or that somebody
// has removed it, or deleted the bucket, and its owner may not know yet. Whoever
// creates it then waits for two renewals: an owner that reaches NATS has found
// out by then, and one that does not starts nothing.
//
// # What may happen here
//
// The package knows keys and times. It knows no routes, no events, and does not
// say what an owner does: package stream does that.
package lease
