// Package receipt writes down what became of each event, for those who ask
// later: one message without a body in the stream of receipts for each event
// that a route has settled, or has put off.
//
//	Settled ─→ queue ─Run→ receipt.<route>.<outcome>.<xx>
//
// Outcome is delivered, filtered, retried or dead_lettered, and xx the first two
// hex digits of the SHA-256 of the event's id, so that a look-up reads one part
// in 256. What there is to tell is in the headers, all of which begin with
// Makebridge-: Event-Id, Subject, Sequence and Published-At say which event it
// was, Status, Attempts, Duration-Ms, Delivery and Replica how it was delivered,
// and Settled-At when that was over. Those of an event that was put off add
// Delay-Ms, those of a dead letter Reason, and both Error, unless that holds what
// a webhook answered. Status is left out where no answer came.
//
// # Best effort
//
// Receipts delay no delivery and fail none. Settled puts them into a queue of
// fixed length and drops what does not fit. Run publishes without waiting for
// acknowledgements, of which a stream needs none, and asks for one only with one
// receipt in a thousand, or after some seconds: that is how it finds out that the
// stream is missing, full or denied, and it bounds what the server has to keep
// before it is stored (confirm.go). The first receipt, and one after a time
// without any, has to be stored before the next is published. While there is
// trouble Run offers the one receipt that was refused again every few
// seconds, and the others wait in the queue, as they do while NATS is away:
// whoever may not publish here is told by the server each time, and would fill
// the log with it. Dropped counts those that found no room; a log line tells of
// them, at most once a minute. Of the receipts that were published in the last
// seconds before such trouble, it is not known whether they were stored.
//
// There is none for an event that was handed back, which nothing became of, nor
// for one whose id could not be read, which nobody can ask for: it is in the
// dead-letter stream.
package receipt
