// Package report tells the admin route what the bridge itself has to say: that
// events were dead-lettered, that a destination is held, that it recovered.
//
//	Settled, Held, Recovered ─→ memory ─flush→ bucket ─when it is due→ stream ─→ admin
//
// A report is an ordinary event: its type is its subject, and it is delivered,
// tried again and dead-lettered like any other. Of each kind and route there is
// at most one a minute, from all replicas together, and it says how often the
// thing has happened. The first is published within about a second, what
// follows it is added up and published when the minute is over. There is never
// one about the admin route itself, nor about an event that is a report: they
// would breed.
//
//	{"route":"payments","count":3,"since":"…","reasons":{"invalid":3},"last_event_id":"…"}
//	{"route":"payments","count":1,"since":"…","destination":"hook.eu2.make.com#3fa9c1","reason":"misconfigured","status":410}
//	{"route":"payments","count":1,"since":"…","destination":"hook.eu2.make.com#3fa9c1","held_ms":40213}
//
// Destination, reason, status and last_event_id are those of the last
// occurrence, since is the time of the first, held_ms is for how long the
// destination was held altogether. No URL is in them, and nothing of a payload.
//
// # The count is true
//
// The replicas share one key for each kind and route in the bucket,
// report.<kind>.<route>. It has the time of the last report, what is owed since,
// and the report that is on its way, if one is. It is only ever changed by
// compare-and-set:
//
//   - A replica adds what it knows of to what is owed, about once a second. A
//     share that may have been added, because NATS did not answer, carries an
//     id by which that is found out later.
//   - Whoever finds something owed and the minute over turns all of it into the
//     event that is to be published, publishes it, and notes that it has been.
//     An event that was left behind is published by another replica, under the
//     same id, which the stream takes once.
//
// So the counts of all reports add up to what has happened, except for what a
// replica had not yet added when it was killed: the last second or two. One
// that stops in order adds everything first.
//
// Reporting delays no delivery and fails none. While NATS is away, or refuses
// a report, its count is kept and tried again.
//
// # Permissions
//
// Beyond what the gate needs of the bucket, the bridge publishes on
// admin.events.dead_lettered and admin.destination.>.
package report
