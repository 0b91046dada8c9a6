// Package gate decides when a destination may be posted to: it holds those
// that ask for a pause or do not work, probes them, and keeps their pace, for
// all replicas together. They share a NATS key-value bucket and nothing else.
//
//	hold.<destination>    why and until when it is held, and who probes it
//	works.<destination>   rewritten now and then while it accepts events
//	pace.<destination>    the time of the next request that nobody has taken
//	replica.<id>          a replica that is alive, rewritten every few seconds
//
// A hold and a pace are only ever changed by compare-and-set on their
// revision, so two replicas that want the same thing at once cannot both get
// it. Each replica watches the holds and waits for their present state before
// it lets anything through; without NATS it lets nothing through. A watch can
// fall silent without NATS being lost, so a replica expects to hear of its own
// record, which it writes every second, and every five while it wants nothing
// through and knows of no hold (listen.go).
//
// Times in the bucket are the server's: every replica knows how far its own
// clock is from that one's (clock.go), so replicas need not agree on the time.
//
// # Hold and probe
//
// Whoever learns that a destination is to be held shuts its own door at once
// and then creates the key. Those who want through queue up at the door. When
// the hold ends, the first in each replica's queue tries to write itself into
// the hold as the probe; the one who succeeds sends one request. Its answer
// deletes the key, or writes a longer hold. A replica that dies as it probes
// leaves a probe that runs out. The event that probed last lets others go
// first for a moment, here and in other replicas, so that an event which is
// at fault itself cannot keep the door shut.
//
// # Pace
//
// The requests of a destination are spread evenly: each takes the next free
// instant, and the instants are as far apart as the limit asks, plus a
// tolerance. An instant that was missed by more than the tolerance is not used.
// So in any window as long as the limit's no more than its number is sent,
// whoever sends them, also when replicas come, go, or are killed: what a dead
// replica had taken is lost, and that is a fraction of a second.
//
// Where the server is there and takes no change of the bucket, as when its storage
// is full, each replica goes on by itself until it does: with a quarter of the limit,
// and with its own probes of the holds that it learns of.
package gate
