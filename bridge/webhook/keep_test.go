package webhook

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// connections counts those of a server that are open.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
}

func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	case http.StateActive, http.StateIdle:
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

func (c *connections) await(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(idleTimeout / 2); c.count() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are open, want %d", c.count(), want)
		}
	}
}

func newCounted(t *testing.T, h http.HandlerFunc) (*httptest.Server, *connections) {
	t.Helper()
	c := &connections{open: map[net.Conn]bool{}}
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = c.note
	s.Start()
	t.Cleanup(s.Close)
	return s, c
}

// TestKeepForgetsTheOthers: of a destination that was replaced nothing is left,
// the connections of the others stay.
func TestKeepForgetsTheOthers(t *testing.T) {
	accept := func(http.ResponseWriter, *http.Request) {}
	old, oldConns := newCounted(t, accept)
	kept, keptConns := newCounted(t, accept)
	c := newClient(t, Config{})
	first, second := newEvent(t, old.URL+"/abcdef"), newEvent(t, kept.URL+"/abcdef")
	c.Deliver(t.Context(), first, goOn)
	c.Deliver(t.Context(), second, goOn)
	oldConns.await(t, 1)
	mine := c.endpoint(second.Destination)

	c.Keep(second.Destination)

	oldConns.await(t, 0)
	if len(c.endpoints) != 1 || c.endpoint(second.Destination) != mine {
		t.Errorf("%d endpoints, want the kept one alone", len(c.endpoints))
	}
	if n := keptConns.count(); n != 1 {
		t.Errorf("%d connections to the destination that is kept, want 1", n)
	}
	if a := c.Deliver(t.Context(), first, goOn); a.Class != bridge.ClassDelivered {
		t.Errorf("answer of a destination that was forgotten %+v, want delivered", a)
	}
}

// TestKeepLetsDeliveriesEnd: a request to a destination that is forgotten
// meanwhile ends as it would have, and takes its connection along.
func TestKeepLetsDeliveriesEnd(t *testing.T) {
	arrived, goAhead := make(chan struct{}), make(chan struct{})
	s, conns := newCounted(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-goAhead
	})
	c := newClient(t, Config{})
	answer := make(chan bridge.Answer, 1)
	go func() { answer <- c.Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn) }()
	<-arrived

	c.Keep()

	close(goAhead)
	if a := <-answer; a.Class != bridge.ClassDelivered || a.Attempts != 1 {
		t.Errorf("answer %+v, want delivered by the one request", a)
	}
	conns.await(t, 0)
	if len(c.endpoints) != 0 {
		t.Errorf("%d endpoints are remembered", len(c.endpoints))
	}
}
