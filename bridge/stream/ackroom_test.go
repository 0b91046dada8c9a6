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

// unconfirmed is a replica at a server that confirms no acknowledgement, with as many
// on their way as may be.
type unconfirmed struct {
	*bed
	*replica
	events  int // published
	handled atomic.Int64
	confirm func() // has the server confirm from now on
}

// newUnconfirmed returns one whose events have the outcome, once the bound is reached.
func newUnconfirmed(t *testing.T, settings Settings, route *bridge.Route, o bridge.Outcome) *unconfirmed {
	t.Helper()
	confirming := fmt.Sprintf(accounts, leastPermissions)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, strings.Replace(confirming, `"$JS.ACK.EVENTS.>"`, "", 1))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	b.createBucket()
	provision(t, b.client(), settings, route)
	u := &unconfirmed{bed: b, events: 2 * mostUnconfirmed(route)}
	for n := range u.events {
		b.publish("payments.success", keyed(fmt.Sprint("payment ", n), 0))
	}
	u.replica = b.runUnbound(b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")), settings,
		func(context.Context, bridge.Message) bridge.Verdict {
			u.handled.Add(1)
			return bridge.Verdict{Outcome: o, Reason: bridge.Rejected, Attempts: 1}
		}, route)
	eventually(t, "the bound to be reached", func() bool { return u.handled.Load() >= int64(2*route.Concurrency+ackSpare) })
	u.confirm = func() {
		b.server.Shutdown()
		b.config.ConfigFile = writeFile(t, confirming)
		b.start()
	}
	return u
}

// mostUnconfirmed is how many events may be handled and not confirmed.
func mostUnconfirmed(route *bridge.Route) int {
	return 2*route.Concurrency + ackSpare + // unconfirmed
		route.Concurrency + mostAhead // in hand as that was reached
}

// TestUnconfirmedAcknowledgementsAreBounded: where the server confirms none,
// the bridge soon posts nothing more, and goes on once it does.
func TestUnconfirmedAcknowledgementsAreBounded(t *testing.T) {
	settings, route := testSettings(), testRoute(t, "payments", 4)
	settings.AckWait = 10 * time.Minute
	u := newUnconfirmed(t, settings, route, bridge.Delivered)
	reached := time.Now()
	eventually(t, "time to go beyond it", func() bool { return time.Since(reached) > time.Second })
	if n := u.handled.Load(); n > int64(mostUnconfirmed(route)) {
		t.Errorf("%d events handled and none acknowledged, want at most %d", n, mostUnconfirmed(route))
	}
	u.confirm()
	eventually(t, "the rest to be handled", func() bool { return u.handled.Load() == int64(u.events) })
	u.bed.settled("payments")
}

// TestConsumerDeletedAtTheBoundOfAcknowledgements: nobody asks for events, so nobody
// hears of it; and the new consumer confirms nothing of an event that it has not handed
// out again. Each event is handled once all the same.
func TestConsumerDeletedAtTheBoundOfAcknowledgements(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ordering bridge.Ordering
		outcome  bridge.Outcome
		by       func(u *unconfirmed, s Settings, r *bridge.Route)
	}{
		"delivered":                {bridge.OrderingNone, bridge.Delivered, func(*unconfirmed, Settings, *bridge.Route) {}},
		"dead-lettered":            {bridge.OrderingNone, bridge.DeadLettered, func(*unconfirmed, Settings, *bridge.Route) {}},
		"in order":                 {bridge.OrderingKey, bridge.Delivered, func(*unconfirmed, Settings, *bridge.Route) {}},
		"created again by another": {bridge.OrderingNone, bridge.Delivered, func(u *unconfirmed, s Settings, r *bridge.Route) { provision(t, u.client(), s, r) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, route := testSettings(), orderedRoute(t, tt.ordering, 4)
			settings.AckWait = 3 * time.Second
			settings.MaxAge = 5 * time.Minute // so the consumer is looked at every three seconds
			u := newUnconfirmed(t, settings, route, tt.outcome)
			u.deleteConsumer("payments")
			tt.by(u, settings, route)
			u.confirm()
			eventually(t, "all to be settled", func() bool { return u.count(tt.outcome) == u.events })
			u.bed.settled("payments")
			if n := u.handled.Load(); n != int64(u.events) {
				t.Errorf("%d of %d events were handled", n, u.events)
			}
			if n := u.consumers[0].settler.acks.on.Load(); n != 0 {
				t.Errorf("%d acknowledgements on their way when all are confirmed", n)
			}
		})
	}
}
