package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/stream"
)

// TestStopWithoutNATSIsBounded: NATS falls silent before the signal, so that
// nothing the bridge has to say to it is answered: what make.com accepted
// cannot be settled, the lease not be released, nor anything flushed.
func TestStopWithoutNATSIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	line := newCable(t, strings.TrimPrefix(w.nats.URL(), "nats://"))
	p := w.start("NATS_URL="+line.url(), "MAKE_WEBHOOK_PAYMENTS_ORDERING=key", "BRIDGE_SHUTDOWN_TIMEOUT=1s")
	w.makecom.Default("payments", standin.After(time.Second, standin.Accept()))
	w.publish("payments.success", paymentEvent("event-1"))
	w.arrived(1)
	line.unplug()
	if status := p.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if log := p.log.String(); !strings.Contains(log, "leaving without it") {
		t.Errorf("the bridge waited for NATS until it gave up by itself:\n%s", log)
	}
}

// TestServerThatReadsNothing: what is sent to it piles up until a write is
// stuck. The connection is given up soon, not after the minute for which it
// would lock out whoever uses it.
func TestServerThatReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	line := newCable(t, strings.TrimPrefix(w.nats.URL(), "nats://"))
	nc, err := stream.Connect(stream.ConnectConfig{
		Servers: []string{line.url()}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	w.eventually("a connection", nc.IsConnected)
	lost := nc.StatusChanged(nats.RECONNECTING)
	line.unplug()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	go func() {
		for piece := make([]byte, 1<<20); ctx.Err() == nil && nc.Publish("anything", piece) == nil; {
		}
	}()
	select {
	case <-lost:
	case <-ctx.Done():
		t.Error("the connection is still taken for good")
	}
	line.plug()
	w.eventually("a connection again", nc.IsConnected)
}
