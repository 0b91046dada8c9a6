package trace

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// mostSkew is how far behind NATS a publisher's clock may be.
	mostSkew = time.Minute
	// mostLate is how long after it was made an event is looked for: publishers
	// try for some minutes.
	mostLate = 15 * time.Minute
	// DefaultSince is how far back an event is looked for whose id does not say
	// when it was made.
	DefaultSince = 24 * time.Hour
	// looksAtTime is how many messages are read between two looks at their
	// time, which cost more than the reading.
	looksAtTime = 64
)

// span is a part of the stream, by time.
type span struct{ from, to time.Time }

// spans are where to look for an event, the likeliest first.
func (r *reader) spans() []span {
	now := time.Now()
	if !r.Since.IsZero() {
		return []span{{r.Since, now}}
	}
	made, ok := madeAt(r.eventID)
	if !ok {
		return []span{{now.Add(-DefaultSince), now}}
	}
	return []span{
		{made.Add(-100 * time.Millisecond), made.Add(time.Second)},
		{made.Add(-mostSkew), made.Add(mostLate)},
	}
}

// madeAt reads the time in a UUIDv7.
func madeAt(eventID string) (time.Time, bool) {
	id, err := uuid.Parse(eventID)
	if err != nil || id.Version() != 7 {
		return time.Time{}, false
	}
	return time.Unix(id.Time().UnixTime()).UTC(), true
}

// find looks for the event in the stream by its publisher's header. Where it is
// not found, the error says where it was looked for.
func (r *reader) find(ctx context.Context) (sequence uint64, err error) {
	var read uint64
	spans := r.spans()
	for _, in := range spans {
		sequence, read, err = r.findIn(ctx, in)
		if err != nil || sequence > 0 {
			return sequence, err
		}
	}
	last := spans[len(spans)-1]
	return 0, &UnknownError{EventID: r.eventID, Stream: r.Stream, From: last.from, To: last.to, Read: read}
}

func (r *reader) findIn(ctx context.Context, in span) (sequence, read uint64, err error) {
	var failed error
	n := 0
	read, err = r.scan(ctx, r.events, place{time: in.from}, headersOnly, func(msg jetstream.Msg) bool {
		hit := msg.Headers().Get(jetstream.MsgIDHeader) == r.eventID
		if n++; !hit && n%looksAtTime != 0 {
			return true
		}
		meta, err := msg.Metadata()
		if err != nil {
			failed = fmt.Errorf("read the position of an event: %w", err)
			return false
		}
		if hit {
			sequence = meta.Sequence.Stream
		}
		return !hit && meta.Timestamp.Before(in.to)
	})
	if err != nil {
		err = explain(err, "search stream "+r.Stream, "$JS.API.CONSUMER.CREATE."+r.Stream+".>")
	}
	if failed != nil {
		err = failed
	}
	return sequence, read, err
}

// UnknownError says that nothing is known of an event, and where it was looked
// for.
type UnknownError struct {
	EventID, Stream string
	// From and To bound the part of the stream that was read, and Read is how
	// many events are in it.
	From, To time.Time
	Read     uint64
}

// Error names the event and the part of the stream.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("nothing is known of event %s: there is no receipt, and it is not among the %d messages that stream %s has from %s to %s",
		e.EventID, e.Read, e.Stream, e.From.UTC().Format(time.RFC3339), e.To.UTC().Format(time.RFC3339))
}
