package trace

import (
	"bytes"
	"context"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/schemas"
)

// mostReplays is how many replays are read, of events of the same subject, to
// find those of this one that no receipt tells of.
const mostReplays = 50000

// readReplays adds the replays of the event. A replay has the event's body, and
// an id of its own: it is the body that is looked at.
func (r *reader) readReplays(ctx context.Context, found map[identity]publish) error {
	var subject string
	var first uint64
	for _, p := range found {
		if first == 0 || p.Sequence < first {
			subject, first = p.Subject, p.Sequence
		}
	}
	var mu sync.Mutex
	in := stretch{from: place{subjects: []string{redeliverPrefix + "*." + subject}, sequence: first}, most: mostReplays}
	looked, err := r.find(ctx, r.events, in, wholeMessages, func(msg *nats.Msg) bool {
		if p, ok := r.newReplay(msg); ok {
			mu.Lock()
			defer mu.Unlock()
			found[p.id] = p
		}
		return true
	})
	if err != nil {
		return explain(err, "look for replays in stream "+r.Stream, "$JS.API.CONSUMER.CREATE."+r.Stream+".>")
	}
	if looked.partial() {
		r.unknown("replays that no receipt tells of: there are %d of events on %s, and about %d were looked at", looked.of, subject, looked.read)
	}
	return nil
}

// newReplay reads a replay, if it is one of this event.
func (r *reader) newReplay(msg *nats.Msg) (publish, bool) {
	if !bytes.Contains(msg.Data, []byte(r.eventID)) {
		return publish{}, false
	}
	event, err := schemas.Decode(msg.Data)
	if err != nil || event.ID != r.eventID {
		return publish{}, false
	}
	meta, err := msg.Metadata()
	if err != nil {
		return publish{}, false
	}
	return r.newPublish(meta.Sequence.Stream, msg.Subject, meta.Timestamp, msg.Data), true
}
