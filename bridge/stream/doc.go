// Package stream is the bridge's side of JetStream: it creates what it needs
// there, pulls events, hands them to the pipeline, and settles them by its
// verdict.
//
//	Supervisor ─ provision ─→ streams, consumers
//	     │
//	     └─ one Consumer a route:
//	          puller ─→ hand ─→ Handler.Handle ─→ settle ─→ ack │ nak │ letter, then ack
//	                      ↑ sweep keeps what is in hand alive
//
// What is in hand and has not started waits in a queue (queue.go). A route that
// keeps an order has lanes for a queue, one for each key (lanes.go), and a Tenure:
// one replica at a time serves it (order.go), and starts nothing before what its
// predecessor had in hand is back (takeover.go).
//
// Only this package holds NATS messages, and only settle.go settles them; acks.go
// hears which acknowledgements the server has confirmed, and repeats the others.
// The goroutines that handle events stay as long as they are needed (crew.go); none
// waits for a confirmation. Beside that way: parking.go brings back events that were put off, suspect.go finds
// out whose handling ends the process, floor.go notes how far a consumer has
// got, retention.go gives events up before the stream takes them, plan.go says
// what provisioning would change.
//
// Events are pulled with requests of the package's own rather than with
// jetstream.Consumer: it must ask for exactly as many events as can start,
// while requests are open, and must not lose an event that is under way when
// it stops; jetstream's Fetch and Messages can do one or the other. The
// protocol is that of ADR-37 (pull consumers) of the NATS architecture notes.
package stream
