package gate

import (
	"sync"
	"sync/atomic"
	"time"
)

// clock tells the time of the NATS server, by which replicas agree. It counts from
// a measurement by the time that has passed, so it does not matter that this
// machine's clock is wrong, or set.
type clock struct {
	at atomic.Pointer[reading] // nil: not measured yet

	mu    sync.Mutex
	known time.Duration // how exactly it is known
	since time.Time
}

// reading is what the server's clock said at a moment of this machine's.
type reading struct{ local, server time.Time }

const (
	// sampleLife is how long a good measurement outweighs a worse one: clocks
	// drift.
	sampleLife = 5 * time.Minute
	// clockCheck is how long one waits at a time for an instant of the server's:
	// its clock may be set, or learned anew, meanwhile.
	clockCheck = time.Second
)

// now is the server's time.
func (c *clock) now() time.Time {
	if r := c.at.Load(); r != nil {
		return r.when(time.Now())
	}
	return time.Now().Round(0)
}

// when is the server's time at a moment of this machine's.
func (r *reading) when(local time.Time) time.Time { return r.server.Add(local.Sub(r.local)) }

// server converts a time of this machine.
func (c *clock) server(t time.Time) time.Time { return c.now().Add(-time.Since(t)) }

// until is how long it is until a time of the server's.
func (c *clock) until(t time.Time) time.Duration { return t.Sub(c.now()) }

// learn takes a measurement: something that was asked for at begin and
// confirmed at end was stamped by the server in between. A worse one than is known
// counts only where both cannot be true: the server's clock was set, another server
// leads, or this machine was suspended.
func (c *clock) learn(begin, end, stamped time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	exact := end.Sub(begin) / 2
	middle := begin.Add(exact)
	if r := c.at.Load(); r != nil && exact > c.known && end.Sub(c.since) < sampleLife &&
		stamped.Sub(r.when(middle)).Abs() <= exact+c.known {
		return
	}
	c.known, c.since = exact, end
	// A monotonic reading would have nothing to do with the server's clock.
	c.at.Store(&reading{middle, stamped.Round(0)})
}
