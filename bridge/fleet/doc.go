// Package fleet is where replicas say how they are, and where anybody asks them:
// each is an instance of the NATS micro service makebridge.
//
//	Settled ─→ tally ─┐
//	State ────────────┴─ Run ─→ answers on $SRV.PING, $SRV.INFO, $SRV.STATS ─→ Ask, nats micro
//
// Each route is an endpoint. Its requests are the events that the replica has
// settled or put off since it started, its errors those that were put off or
// dead-lettered, its processing time that of its POSTs, so that `nats micro stats
// makebridge` is of use as it is. A Route, as JSON, is the endpoint's data.
//
// The protocol (ADR-32, microservices) is spoken with the types of nats.go/micro
// but not with its Service: that counts the requests which an endpoint receives,
// and a bridge receives none. It would also replace the connection's error
// handler, and tell of a permission that is missing once for each of a dozen
// subscriptions.
//
// # Permissions
//
// The bridge subscribes to $SRV.> and answers at the asker's inbox
// (allow_responses, or publish to _INBOX.>). Without these a replica does not
// show, which is logged once, and nothing else suffers.
package fleet
