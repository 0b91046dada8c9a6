package stream

import (
	"errors"
	"sync/atomic"
	"time"
)

// origin is the stream that events came from. One that is deleted and created
// again counts from 1, and the server goes by sequences: what is said of an event
// of the old stream would settle, give back or prolong one of the new.
type origin struct {
	created time.Time
	state   atomic.Int32
}

// The states of an origin. It is in doubt from when its consumer is gone until it
// is known whether the stream is still the same.
const (
	present int32 = iota
	doubtful
	deleted
)

// errDoubtful is why nothing is said of an event for the time being.
var errDoubtful = errors.New("not known whether its stream is still the same")

// errStreamReplaced ends a run that did not hear of the end of its consumer: it had
// nothing to ask for, or no connection.
var errStreamReplaced = errors.New("stream was deleted and created again")

// doubt keeps everything from being said until the consumer is bound again.
func (c *consumer) doubt() { c.origin.state.Store(doubtful) }

// boundTo has the consumer take events of the stream that was created then. What is
// in hand of another stream is nothing to the server any more: what has started
// ends, is not acknowledged, and is in hand no longer.
func (c *consumer) boundTo(created time.Time) {
	before := c.origin
	if before != nil && before.created.Equal(created) {
		before.state.Store(present)
		return
	}
	c.origin = &origin{created: created}
	if before == nil {
		return
	}
	before.state.Store(deleted)
	orphans := c.hand.all()
	for _, it := range orphans {
		c.hand.drop(it)
	}
	c.settler.acks.forget()
	c.log.Warn("stream was deleted and created again; what is in hand of the old one is not acknowledged", "events", len(orphans))
}

// orphaned reports whether the event's stream is no more.
func (it *item) orphaned() bool { return it.origin != nil && it.origin.state.Load() == deleted }

// doubtful reports whether the event's stream may be no more.
func (it *item) doubtful() bool { return it.origin != nil && it.origin.state.Load() != present }
