package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestSuccessorsWaitForAnEventThatWentElsewhere: as it does when a pull request
// of a former owner is open still, or when a connection breaks.
func TestSuccessorsWaitForAnEventThatWentElsewhere(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	j := newJournal()
	b.run(settings, j.watch(keyOf, accept), orderedRoute(t, bridge.OrderingKey, 4))
	b.publish("payments.success", keyed("key", 0))
	b.settled("payments")
	stolen := b.steal(1)
	want := []string{"key/0"}
	for n := 1; n < 10; n++ {
		b.publish("payments.success", keyed("key", n))
		want = append(want, fmt.Sprint("key/", n))
	}
	if m := <-stolen; m == nil {
		t.Fatal("nothing went elsewhere")
	}
	b.settled("payments")
	j.check(t)
	if diff := cmp.Diff(want, j.names()); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
}

// steal pulls events as an owner does that nobody knows of any more, and says
// nothing of them.
func (b *bed) steal(n int) <-chan jetstream.Msg {
	b.t.Helper()
	c, err := b.client().Consumer(b.t.Context(), "EVENTS", "payments")
	if err != nil {
		b.t.Fatal(err)
	}
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(patience))
	if err != nil {
		b.t.Fatal(err)
	}
	return batch.Messages()
}

// TestTakeoverWaitsForTheTenureToHold: it pulls nothing while the tenure does
// not, since the route may be somebody else's, and that time does not count
// towards its end.
func TestTakeoverWaitsForTheTenureToHold(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	b.createBucket()
	settings := testSettings()
	settings.AckWait = 300 * time.Millisecond
	b.run(settings, accept, orderedRoute(t, bridge.OrderingKey, 4)).stop() // makes the consumer
	stolen := b.steal(2)
	for n := range 4 {
		b.publish("payments.success", keyed("key", n))
	}
	theirs := []jetstream.Msg{<-stolen, <-stolen}
	tenure := &suspendable{over: make(chan struct{})}
	tenure.suspended.Store(true)
	b.owning = func(context.Context, string, time.Duration) (Tenure, error) { return tenure, nil }
	j, begun := newJournal(), time.Now()
	b.run(settings, j.watch(keyOf, accept), orderedRoute(t, bridge.OrderingKey, 4))
	eventually(t, "a takeover's time to be over", func() bool {
		for _, m := range theirs {
			if err := m.InProgress(); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(begun) > 3*settings.AckWait
	})
	if n := b.consumer("payments").Delivered.Consumer; n != 2 {
		t.Errorf("%d deliveries, want those to somebody else", n)
	}
	tenure.suspended.Store(false)
	b.settled("payments")
	j.check(t)
	if diff := cmp.Diff([]string{"key/0", "key/1", "key/2", "key/3"}, j.names()); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
}

// TestPullRequestsOfAnOrderedRouteEndWithItsLease: the last one that an owner may
// send, as it stops at three quarters of the lease's life, is over with it.
func TestPullRequestsOfAnOrderedRouteEndWithItsLease(t *testing.T) {
	t.Parallel()
	for _, ackWait := range []time.Duration{time.Second, time.Minute} {
		b := newBed(t, embedded.Config{})
		b.createBucket()
		requests, err := b.client().Conn().SubscribeSync("$JS.API.CONSUMER.MSG.NEXT.EVENTS.payments")
		if err != nil {
			t.Fatal(err)
		}
		settings := testSettings()
		settings.AckWait = ackWait
		b.run(settings, accept, orderedRoute(t, bridge.OrderingKey, 4))
		m, err := requests.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Expires time.Duration `json:"expires"`
		}
		if err := json.Unmarshal(m.Data, &r); err != nil {
			t.Fatal(err)
		}
		if life := ackWait / lifeShare; r.Expires <= 0 || life/4*3+r.Expires > life {
			t.Errorf("a request stays open for %s, and the lease lives for %s", r.Expires, life)
		}
	}
}
