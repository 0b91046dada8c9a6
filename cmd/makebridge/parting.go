package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// parting is how much longer than BRIDGE_SHUTDOWN_TIMEOUT a stop may take. What
// is owed to NATS after the last event has a timeout for each step; where NATS
// comes and goes, or is silent, they would add up.
const parting = 5 * time.Second

// partInTime closes the connection once ctx has been done for a limit: nothing
// waits for NATS then. What was not said by that time is what a crash would
// leave unsaid too: events in hand come back after the ack wait, leases run
// out. left says that it is not needed any more.
func partInTime(ctx context.Context, nc *nats.Conn, limit time.Duration, log *slog.Logger) (left func()) {
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-gone:
		case <-time.After(limit):
			log.Warn("NATS takes too long as the bridge stops, leaving without it", "after_ms", limit.Milliseconds())
			nc.Close()
		}
	})
	return func() { stop(); close(gone) }
}
