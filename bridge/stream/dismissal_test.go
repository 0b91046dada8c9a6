package stream

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

// orderedConsumer keeps an order without a server: only what asks one nothing may
// be done with it.
func orderedConsumer(t *testing.T, handle handlerFunc) *consumer {
	t.Helper()
	c := newConsumer(orderedRoute(t, bridge.OrderingKey, 4), handle, &settler{}, slog.New(slog.DiscardHandler))
	c.ackWait = time.Minute
	c.retention.Store(&retention{})
	c.keepOrder(nil)
	return c
}

// TestEventThatStartsAsItsRouteIsLostEndsItsWait: it was given to be handled, and
// the tenure ended before that began. At a held destination it would wait for as
// long as the hold, kept alive, and from the replica that serves the route now.
func TestEventThatStartsAsItsRouteIsLostEndsItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := orderedConsumer(t, func(ctx context.Context, _ bridge.Message) bridge.Verdict {
			<-ctx.Done()
			return bridge.Verdict{Outcome: bridge.HandedBack}
		})
		tenure := &suspendable{over: make(chan struct{})}
		c.order.tenure = tenure
		c.order.lanes.activate()
		it := laneItem("a", 1, 1, time.Now())
		it.tenure = tenure
		c.hand.take(it)
		c.queue.add(it)
		c.queue.next(time.Now())
		c.running.Add(1)
		close(tenure.over)
		c.dropWaiting()
		c.handle(t.Context(), t.Context(), it, newWait(t.Context()))
		c.handling.Wait()
		if n, _ := c.hand.size(); n != 0 || len(c.order.lanes.byKey) != 0 {
			t.Errorf("%d events in hand, %d lanes", n, len(c.order.lanes.byKey))
		}
	})
}

// TestOnlyWhatTheServerCannotHaveIsForsaken: what has come since the server was asked,
// and what is being settled, it may not have counted.
func TestOnlyWhatTheServerCannotHaveIsForsaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pending, since, unsure int
		forsaken               bool
	}{
		"the server has one less than is in hand":           {pending: 3, forsaken: true},
		"the server has all":                                {pending: 4},
		"another came since":                                {pending: 3, since: 1},
		"one may have been settled before":                  {pending: 3, unsure: 1},
		"two are settled, and the server had none of these": {pending: 1, unsure: 2, forsaken: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			consumer := orderedConsumer(t, accept)
			o, now := consumer.order, time.Now()
			o.lanes.activate()
			for seq := range uint64(4) {
				it := laneItem("a", seq+1, 1, now)
				consumer.hand.take(it)
				o.lanes.add(it)
			}
			o.lanes.release(o.lanes.next(now), now)
			missed := o.lanes.missed(now)
			o.arrived = 4
			consumer.unsure.Store(int64(c.unsure))
			o.forsake(count{pending: c.pending, arrived: 4 - c.since, missed: missed})
			want := 4
			if c.forsaken {
				want = 3
			}
			n, _ := consumer.hand.size()
			if diff := cmp.Diff(want, n); diff != "" {
				t.Errorf("in hand (-want +got):\n%s", diff)
			}
		})
	}
}
