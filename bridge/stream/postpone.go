package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// postpone puts off an event that is not to wait for its letter here. It comes back
// while the stream still has it. The mark of one that has ended processes stays: it
// makes a letter of the event, unhandled, wherever that comes next.
func (c *consumer) postpone(grace context.Context, it *item, v bridge.Verdict, why error) {
	r := c.retention.Load()
	lasts := max(0, r.left(it.Published, c.clock())) + r.margin
	later := v
	later.Outcome, later.Reason = bridge.Retried, 0
	later.Delay = min(c.delay(it.Delivery), max(lasts/2, time.Second))
	// Not what the webhook answered, which may repeat the payload.
	later.Error = fmt.Sprintf("dead letter (%s) not stored: %v", v.Reason, why)
	_, ended := it.caution.crashed()
	if !ended {
		it.caution.acquit(grace, later)
		c.owed.add(it.id, v)
	}
	c.drop(it) // from here on it is the server's
	_ = c.settler.settle(grace, it, later)
	if !ended {
		it.caution.forget(grace, c.settler, it, later)
	}
}

// owed are the verdicts on events that were put off because their letters could not be
// stored: what comes back to this replica is not posted again. It forgets the oldest.
type owed struct {
	mu       sync.Mutex
	verdicts map[identity]bridge.Verdict
	ring     []identity
	next     int
}

func (o *owed) add(id identity, v bridge.Verdict) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.verdicts == nil {
		o.verdicts = map[identity]bridge.Verdict{}
	}
	_, known := o.verdicts[id]
	// Not with what is left of this delivery, nor with a part of the event's body.
	v.Attempts, v.Duration, v.EventID, v.Type = 0, 0, strings.Clone(v.EventID), strings.Clone(v.Type)
	v.Error, v.Warning = strings.Clone(v.Error), strings.Clone(v.Warning)
	o.verdicts[id] = v
	switch {
	case known:
	case len(o.ring) < mostRecent:
		o.ring = append(o.ring, id)
	default:
		delete(o.verdicts, o.ring[o.next])
		o.ring[o.next] = id
		o.next = (o.next + 1) % mostRecent
	}
}

// of returns the verdict on an event, if it is known.
func (o *owed) of(id identity) (v bridge.Verdict, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, known = o.verdicts[id]
	return v, known
}
