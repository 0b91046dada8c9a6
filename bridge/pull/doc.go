// Package pull reads the messages of a consumer, a batch at a time.
//
//	who reads ─ Batch(n) ─→ CONSUMER.MSG.NEXT ─→ n messages │ a status: there are no more
//
// It is there because nats.go takes every message without a body for a status of
// the server if it has a header named Status, and a service may well send one:
// whoever reads headers only would stumble over its events. A message is told from
// a status by its reply subject instead, which only a message has.
//
// It settles nothing and knows nothing of the bridge.
package pull
