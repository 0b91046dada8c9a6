package gate

import (
	"sync"
	"sync/atomic"
	"time"
)

// clock tells the time of the NATS server, by which replicas agree.
type clock struct {
	ahead atomic.Int64 // of this machine's clock, nanoseconds

	mu    sync.Mutex
	known time.Duration // how exactly it is known
	since time.Time
}

// sampleLife is how long a good measurement outweighs a worse one: clocks
// drift, and are set.
const sampleLife = 5 * time.Minute

// now is the server's time.
func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// server converts a time of this machine.
func (c *clock) server(t time.Time) time.Time { return t.Add(time.Duration(c.ahead.Load())) }

// until is how long it is until a time of the server's.
func (c *clock) until(t time.Time) time.Duration { return t.Sub(c.now()) }

// learn takes a measurement: something that was asked for at begin and
// confirmed at end was stamped by the server in between.
func (c *clock) learn(begin, end, stamped time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	exact := end.Sub(begin) / 2
	if !c.since.IsZero() && exact > c.known && end.Sub(c.since) < sampleLife {
		return
	}
	c.known, c.since = exact, end
	// Wall clocks only: a monotonic reading has nothing to do with the server's.
	c.ahead.Store(int64(stamped.Sub(begin.Round(0).Add(exact))))
}
