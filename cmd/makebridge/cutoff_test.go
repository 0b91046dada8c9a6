package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// cable is a TCP proxy to one address. Unplugged it forwards nothing in either
// direction and closes nothing, so neither end is told.
type cable struct {
	listener net.Listener
	to       string
	copies   sync.WaitGroup

	mu      sync.Mutex
	open    []net.Conn
	plugged chan struct{} // closed while it is
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, to: to, plugged: make(chan struct{})}
	close(c.plugged)
	c.copies.Go(c.accept)
	t.Cleanup(c.close)
	return c
}

func (c *cable) url() string { return "nats://" + c.listener.Addr().String() }

func (c *cable) accept() {
	for {
		from, err := c.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		c.mu.Lock()
		c.open = append(c.open, from, to)
		c.mu.Unlock()
		c.copies.Go(func() { c.forward(to, from) })
		c.copies.Go(func() { c.forward(from, to) })
	}
}

// forward copies until one end closes, and then closes the other.
func (c *cable) forward(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		<-c.now()
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *cable) now() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plugged
}

func (c *cable) unplug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plugged = make(chan struct{})
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.plugged:
	default:
		close(c.plugged)
	}
}

func (c *cable) close() {
	_ = c.listener.Close()
	c.plug()
	c.mu.Lock()
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.copies.Wait()
}

// TestReplicaThatIsCutOffFromNATS cuts one of three replicas off while the
// others go on. What it has in hand goes to them after the ack wait. It starts
// nothing once it has noticed, and comes back as if nothing had been.
func TestReplicaThatIsCutOffFromNATS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{Delay: 50 * time.Millisecond})
	const concurrency = 4
	w.env = append(w.env, "BRIDGE_RATE_LIMIT=off", fmt.Sprint("BRIDGE_CONCURRENCY=", concurrency), "BRIDGE_ACK_WAIT=15s")
	line := newCable(t, strings.TrimPrefix(w.nats.URL(), "nats://"))
	w.replica("MAKE_WEBHOOK_PAYMENTS_API_KEY=other")
	w.replica("MAKE_WEBHOOK_PAYMENTS_API_KEY=other")
	alone := w.replica("MAKE_WEBHOOK_PAYMENTS_API_KEY=alone", "NATS_URL="+line.url())
	log := alone.Stderr.(*buffer)
	from := func(key string, after time.Time) (as []standin.Arrival) {
		for _, a := range w.makecom.Arrivals() {
			if a.Header.Get("x-make-apikey") == key && a.Time.After(after) {
				as = append(as, a)
			}
		}
		return as
	}
	l := w.load()
	w.eventually("every replica to post", func() bool { return len(from("alone", time.Time{})) > 20 && len(from("other", time.Time{})) > 20 })

	line.unplug()
	cut := time.Now()
	w.eventually("the replica to notice", func() bool { return strings.Contains(log.String(), "lost NATS") })
	noticed := time.Now()
	t.Logf("noticed after %s", noticed.Sub(cut).Round(time.Millisecond))
	unsettled := map[string]bool{} // what it took and could not acknowledge
	const acked = 5 * time.Second  // is what was accepted so long ago
	for _, a := range from("alone", cut.Add(-acked)) {
		unsettled[a.EventID] = true
	}
	l.goesOn(100)
	handed := func() (n int) {
		for _, a := range from("other", cut) {
			if unsettled[a.EventID] {
				n++
			}
		}
		return n
	}
	w.eventually("what it had in hand to be delivered by others", func() bool { return handed() > 0 })
	if as := from("alone", noticed); len(as) > concurrency { // those were in flight
		t.Errorf("%d requests started without NATS, the last %s after it was noticed", len(as)-concurrency, as[len(as)-1].Time.Sub(noticed))
	}
	line.plug()
	plugged := time.Now()
	w.eventually("the replica to post again", func() bool { return len(from("alone", plugged)) > 20 })
	for id, n := range l.judge() {
		if n > 2 || !unsettled[id] {
			t.Errorf("event %s was accepted %d times (in hand as the replica was cut off: %t)", id, n, unsettled[id])
		}
	}
}
