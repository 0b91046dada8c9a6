package trace

import (
	"bytes"
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

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
	read, failed := 0, error(nil)
	from := place{subjects: []string{redeliverPrefix + "*." + subject}, sequence: first}
	_, err := r.scan(ctx, r.events, from, wholeMessages, func(msg jetstream.Msg) bool {
		if read++; read > mostReplays {
			r.unknown("replays that no receipt tells of: there are more than %d of events on %s", mostReplays, subject)
			return false
		}
		if !bytes.Contains(msg.Data(), []byte(r.eventID)) {
			return true
		}
		if event, err := schemas.Decode(msg.Data()); err != nil || event.ID != r.eventID {
			return true
		}
		meta, err := msg.Metadata()
		if err != nil {
			failed = fmt.Errorf("read the position of an event: %w", err)
			return false
		}
		p := r.newPublish(meta.Sequence.Stream, msg.Subject(), meta.Timestamp, msg.Data())
		found[p.id] = p
		return true
	})
	if err != nil {
		return explain(err, "look for replays in stream "+r.Stream, "$JS.API.CONSUMER.CREATE."+r.Stream+".>")
	}
	return failed
}
