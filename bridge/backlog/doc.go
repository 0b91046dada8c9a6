// Package backlog reads how every route of a bridge stands: how many events
// wait and what for, how old the oldest is, whether its destination is held,
// and which replicas are alive. It needs nothing but a connection to NATS, so
// it works on any machine, and it changes nothing.
//
//	consumers of the stream ─┐
//	oldest event of each     ├─→ Read ─→ State
//	bucket of the replicas ──┘
//
// The consumer of a route says what is not settled: NumPending was never handed
// out, AckPending was, and is in somebody's hands or waits for a redelivery.
// JetStream does not tell those two apart; the notes parked.<route>.<event>
// that the replicas keep in their bucket do: each has the time at which its
// event is due. Holds (hold.<destination>), replicas (replica.<id>), and who
// serves an ordered route (owner.<route>) are in the same bucket, and come with
// the notes in one go.
//
// It is read now and then by whoever runs `makebridge status`, and every few
// seconds by each replica for its metrics. One Read asks for the stream, for
// the consumers, once or twice for the oldest event of a route that has any,
// and for the bucket. What is not allowed or not answered leaves its part of
// the State empty and says so there.
package backlog
