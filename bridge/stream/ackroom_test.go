package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestUnconfirmedAcknowledgementsAreBounded: where the server confirms none,
// the bridge soon posts nothing more, and goes on once it does.
func TestUnconfirmedAcknowledgementsAreBounded(t *testing.T) {
	confirming := fmt.Sprintf(accounts, leastPermissions)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, strings.Replace(confirming, `"$JS.ACK.EVENTS.>"`, "", 1))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	b.createBucket()
	settings, route := testSettings(), testRoute(t, "payments", 4)
	settings.AckWait = 10 * time.Minute
	provision(t, b.client(), settings, route)
	most := 2*route.Concurrency + ackSpare + // unconfirmed
		route.Concurrency + mostAhead // in hand as that was reached
	events := 2 * most
	for range events {
		b.publish("payments.success", "1")
	}
	var handled atomic.Int64
	b.runUnbound(b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")), settings,
		func(ctx context.Context, m bridge.Message) bridge.Verdict {
			handled.Add(1)
			return accept(ctx, m)
		}, route)
	eventually(t, "the bound to be reached", func() bool { return handled.Load() >= int64(2*route.Concurrency+ackSpare) })
	reached := time.Now()
	eventually(t, "time to go beyond it", func() bool { return time.Since(reached) > time.Second })
	if n := handled.Load(); n > int64(most) {
		t.Errorf("%d events handled and none acknowledged, want at most %d", n, most)
	}

	b.server.Shutdown()
	b.config.ConfigFile = writeFile(t, confirming)
	b.start()
	eventually(t, "the rest to be handled", func() bool { return handled.Load() == int64(events) })
	b.settled("payments")
}
