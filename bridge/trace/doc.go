// Package trace finds out what became of an event, on every route, from what
// NATS keeps: anybody who reaches it can ask, and no bridge need run.
//
//	event id ─ receipts ─┬─ sequence ─→ EVENTS: when, where, is it still there
//	                     │                 └─ consumers: waiting, in hand, settled
//	       no receipts ──┴─ search EVENTS      └─ bucket: put off; EVENTS_DLQ: letters
//
// The receipts of an event are in one part of 256 and carry its sequence, so all
// else is a look-up. A UUIDv7 tells when the event was made: its receipts are
// read from then on, until every route has told how it was settled; those of
// another id are read all. Without receipts an event is found by its id in the
// Nats-Msg-Id headers of EVENTS: a little before and after the time of a UUIDv7;
// with another id among what routes have not settled, and what is newest. A
// server sends some hundred thousand headers a second, so no more than
// Config.Most are looked at, by several consumers side by side, unless
// Config.Since says from when on all are.
// Only headers are read. Replays of the event are messages of EVENTS too, and
// told of each by itself.
//
// What a receipt says has happened. Without one, a state is concluded from where
// the route's consumer is, and where that leaves a doubt, Route.Note says so: the
// consumers tell what is settled, not how.
//
// # Permissions
//
// It reads by way of $JS.API.STREAM.INFO, CONSUMER.LIST, CONSUMER.CREATE (of
// ephemeral consumers, which the server removes some seconds later),
// CONSUMER.MSG.NEXT and DIRECT.GET of the streams of events, letters, receipts
// and of the bucket. Without those of the streams of letters and receipts and of
// the bucket it tells what it can, and what it could not look at.
package trace
