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

// errStreamReplaced ends a run that did not hear of the end of its consumer: it asked
// for nothing, or had no connection.
var errStreamReplaced = errors.New("stream was deleted and created again")

// doubt keeps everything from being said until the consumer is bound again.
func (c *consumer) doubt() { c.origin.state.Store(doubtful) }

// replaced says so where the stream or the JetStream consumer was found to be another
// than the one that is bound.
func (c *consumer) replaced() error {
	switch r := c.retention.Load(); {
	case !r.created.Equal(c.origin.created):
		return errStreamReplaced // and its consumer, by another replica
	case !r.consumer.Equal(c.bound):
		return errConsumerGone // for good, or another replica has created it again
	}
	return nil
}

// boundTo has the consumer take events of the stream and the JetStream consumer that
// there are. What is in hand of another stream is nothing to the server any more: what
// has started ends, is not acknowledged, and is in hand no longer. What is in hand of
// another consumer comes again.
func (c *consumer) boundTo(r *retention) {
	c.retention.Store(r)
	anew := !r.consumer.Equal(c.bound)
	c.bound = r.consumer
	before := c.origin
	if before != nil && before.created.Equal(r.created) {
		before.state.Store(present)
		if anew {
			c.settler.acks.strand(c.hand.all())
		}
		return
	}
	c.origin = &origin{created: r.created}
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
