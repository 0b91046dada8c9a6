package trace

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// letterSpan is how long before its receipt a letter was stored at the most,
// unless NATS was away between the two.
const letterSpan = 10 * time.Second

// letter is what is told of a dead letter.
type letter struct {
	sequence    uint64
	reason, err string
}

// findLetter looks for the letter of an event on a route; nil where there is
// none. Where there is a receipt of it, at which time is known, it looks about
// there first; then from when the event was published on.
func (r *reader) findLetter(ctx context.Context, route string, p *publish, at time.Time) (*letter, error) {
	s, err := r.JetStream.Stream(ctx, r.DLQ)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err, "look up stream "+r.DLQ, "$JS.API.STREAM.INFO."+r.DLQ)
	}
	spans := []span{{p.PublishedAt, time.Now()}}
	if !at.IsZero() {
		spans = slices.Insert(spans, 0, span{at.Add(-letterSpan), at.Add(letterSpan)})
	}
	for _, in := range spans {
		l, err := r.findLetterIn(ctx, s, route, p, in)
		if l != nil || err != nil {
			return l, err
		}
	}
	return nil, nil
}

func (r *reader) findLetterIn(ctx context.Context, s jetstream.Stream, route string, p *publish, in span) (found *letter, err error) {
	from := place{subjects: []string{"dlq." + route + "." + p.Subject}, time: in.from}
	_, err = r.scan(ctx, s, from, headersOnly, func(msg jetstream.Msg) bool {
		meta, err := msg.Metadata()
		if err != nil {
			return false
		}
		h := msg.Headers()
		if number[uint64](h, "Sequence") == p.Sequence && timeIn(h, "Published-At").Equal(p.PublishedAt) {
			found = &letter{meta.Sequence.Stream, h.Get("Makebridge-Reason"), h.Get("Makebridge-Error")}
			return false
		}
		return meta.Timestamp.Before(in.to)
	})
	if err != nil {
		err = explain(err, "search stream "+r.DLQ, "$JS.API.CONSUMER.CREATE."+r.DLQ+".>")
	}
	return found, err
}
