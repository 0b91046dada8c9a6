package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// mark is what the bucket says of an event's handling.
type mark struct {
	// Process is whose mark it is.
	Process string `json:"process"`
	// Handling says that a step was under way which may end the process; a
	// suspect that waits, as at the gate, keeps a mark without.
	Handling bool `json:"handling"`
	// Suspect says that the event was under suspicion already, and so no other
	// suspect was being handled; Deaths how many processes it has ended so.
	Suspect bool `json:"suspect,omitempty"`
	Deaths  int  `json:"deaths,omitempty"`
}

func decodeMark(value []byte) (m mark, err error) {
	err = json.Unmarshal(value, &m)
	return m, err
}

// blame says what to think of an event with this mark: whether it is a suspect,
// and how many deaths it is blamed for. A process that finds its own mark has
// not died of the event.
func (m mark) blame(process string) (suspect bool, deaths int) {
	switch {
	case m.Process == process || !m.Handling:
		return m.Suspect, m.Deaths
	case m.Suspect:
		return true, m.Deaths + 1
	}
	return true, 0
}

// caution is the bridge.Caution of one delivery. The goroutine that handles
// the event owns it.
type caution struct {
	*suspects
	key     string
	suspect bool
	deaths  int
	// revision is that of the mark in the bucket, 0 where there is none; unsure
	// says that it may have another one of ours, since a write was not confirmed.
	revision uint64
	unsure   bool
}

// Turn waits until no other suspect is being handled. An event that is none does
// not wait, and is read also where its wait is over: a letter is to name it.
func (c *caution) Turn(ctx context.Context) error {
	if !c.suspect {
		return nil
	}
	if c.deaths > 0 {
		select {
		case <-time.After(time.Until(c.proven)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.turn.Await(ctx)
}

// Begin keeps other suspects from being handled until end is called.
func (c *caution) Begin() (end func(), ok bool) {
	if !c.suspect {
		return func() {}, true
	}
	return c.turn.Take()
}

// Mark puts a mark on the event; done takes it away. A suspect keeps one, which
// blames it for nothing new.
func (c *caution) Mark(ctx context.Context) (done func()) {
	c.write(ctx, true)
	return func() {
		if c.suspect {
			c.write(ctx, false)
			return
		}
		_ = c.clear(ctx) // what is left is tried again when the event is settled
	}
}

func (c *caution) write(ctx context.Context, handling bool) {
	value, err := json.Marshal(mark{c.process, handling, c.suspect, c.deaths})
	if err != nil {
		return // strings, numbers and booleans
	}
	_ = c.try(ctx, markTimeout, func(ctx context.Context, kv jetstream.KeyValue) (err error) {
		before := c.revision
		c.unsure = true
		if handling || before == 0 {
			c.revision, err = kv.Put(ctx, c.key, value)
		} else { // by now it may be another's, if this process was frozen
			c.revision, err = kv.Update(ctx, c.key, value, before)
		}
		c.unsure = err != nil
		return err
	})
}

// clear removes the mark, if the bucket may have one.
func (c *caution) clear(ctx context.Context) error {
	if c.revision == 0 && !c.unsure {
		return nil
	}
	return c.try(ctx, markTimeout, c.remove)
}

// remove is clear where there is something to remove.
func (c *caution) remove(ctx context.Context, kv jetstream.KeyValue) error {
	if c.unsure {
		revision, err := c.own(ctx, kv)
		if err != nil {
			return err
		}
		c.revision, c.unsure = revision, false
	}
	if c.revision > 0 {
		_, err := purge(ctx, kv, c.key, c.revision)
		if _, refused := errors.AsType[*jetstream.APIError](err); err != nil && !refused {
			return err // what the server refuses, as where its storage is full, stays
		}
		c.revision = 0
	}
	return nil
}

// own returns the revision of the mark in the bucket, 0 where it has none or
// one of another process.
func (c *caution) own(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
	e, err := kv.Get(ctx, c.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if m, err := decodeMark(e.Value()); err == nil && m.Process == c.process {
		return e.Revision(), nil
	}
	return 0, nil
}

// stays reports whether the mark outlives a verdict: a suspect that is handed
// back before anything of it was posted is acquitted of nothing.
func (c *caution) stays(v bridge.Verdict) bool {
	return c.suspect && v.Outcome == bridge.HandedBack && v.Attempts == 0
}

// acquit removes the mark of an event before anybody else has it. That of a
// dead letter stays until the letter is stored.
func (c *caution) acquit(ctx context.Context, v bridge.Verdict) {
	if c != nil && !c.stays(v) && v.Outcome != bridge.DeadLettered {
		_ = c.clear(ctx) // what is left is removed by forget
	}
}

// forget removes what is left of the mark of an event that is settled.
func (c *caution) forget(grace context.Context, s *settler, it *item, v bridge.Verdict) {
	if c == nil || c.stays(v) || grace.Err() != nil {
		return
	}
	_ = s.insist(grace, it, "remove mark", func(ctx context.Context, _ *item) error { return c.clear(ctx) })
}

// crashed is the verdict of an event that has ended too many processes.
func (c *caution) crashed() (v bridge.Verdict, yes bool) {
	if c == nil || c.deaths < mostDeaths {
		return v, false
	}
	return bridge.Verdict{
		Outcome: bridge.DeadLettered, Reason: bridge.Crashed,
		Error: fmt.Sprintf("the process ended each of the last %d times that it handled this event", c.deaths),
	}, true
}
