package stream

import (
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Settings say what the bridge needs of JetStream.
type Settings struct {
	// Stream holds the events, DLQ the dead letters.
	Stream, DLQ string
	// Receipts holds what became of each event; empty where no receipts are
	// kept.
	Receipts string
	// Bucket is the key-value bucket that replicas share; package gate makes it.
	Bucket string
	// Subjects are those of all routes, also of routes that are off, whose
	// events wait in the stream.
	Subjects []string
	// Replicas, MaxAge, DLQMaxAge and ReceiptsMaxAge apply to streams that are
	// created. A zero DLQMaxAge keeps letters for ever.
	Replicas                          int
	MaxAge, DLQMaxAge, ReceiptsMaxAge time.Duration
	// AckWait is how long the server waits for a sign of life of an event in
	// hand before it hands it to somebody else.
	AckWait time.Duration
	// Provision lets the bridge create and extend streams and consumers.
	// Without it they are only checked.
	Provision bool
	// Version is written to the consumers' metadata.
	Version string
}

const (
	duplicateWindow    = 10 * time.Minute
	dlqDuplicateWindow = 24 * time.Hour
	// receiptsDuplicateWindow is short: nothing is published there twice.
	receiptsDuplicateWindow = time.Second
	maxAckPending           = 20000

	redeliverPrefix = "redeliver."
	dlqPrefix       = "dlq."
	receiptPrefix   = "receipt."
)

// filters are the subjects of a route's consumer: its own, and those that
// bring an event back to this route alone.
func filters(r *bridge.Route) []string {
	return append(append([]string{}, r.Subjects...), redeliverPrefix+r.Name+".>")
}
