package webhook

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

// TestDeliveriesShareNothing: one that ends leaves nothing behind for the next.
func TestDeliveriesShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var numbers []string
		answer := answering(500, 429, 200)
		c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
			numbers = append(numbers, r.Header.Get("X-Event-Type")+" "+r.Header.Get("X-Delivery-Attempt"))
			answer(w, r)
		})
		first, second := newEvent(t, hook), newEvent(t, hook)
		second.Type, second.MaxAttempts = "payment.failed", 1
		c.Deliver(t.Context(), first, goOn)
		got := c.Deliver(t.Context(), second, nil)
		if diff := cmp.Diff(bridge.Answer{Class: bridge.ClassDelivered, Status: 200, Detail: "HTTP 200 OK", Attempts: 1}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"payment.success 1", "payment.success 2", "payment.failed 1"}, numbers); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// TestRequestIsWrittenAtOnce: header and body go out together, since a write to
// the network is what a request costs most.
func TestRequestIsWrittenAtOnce(t *testing.T) {
	s, _ := newServer(t, answering(200))
	c := newClient(t, Config{})
	var writes atomic.Int64
	dial := c.dial
	c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return countedConn{conn, &writes}, err
	}
	c.Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn)
	if n := writes.Load(); n != 1 {
		t.Errorf("written in %d pieces", n)
	}
}

type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}
