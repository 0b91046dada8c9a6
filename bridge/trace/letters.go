package trace

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
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
// none. Doubt, unless empty, says why there may be one all the same. Where there is a receipt of it, at which time is known, it looks about
// there first; then from when the event was published on.
func (r *reader) findLetter(ctx context.Context, route string, p *publish, at time.Time) (l *letter, doubt string, err error) {
	s, err := r.JetStream.Stream(ctx, r.DLQ)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, "there is no stream " + r.DLQ, nil
	}
	if err != nil {
		return nil, "", explain(err, "look up stream "+r.DLQ, "$JS.API.STREAM.INFO."+r.DLQ)
	}
	since := stretch{from: place{time: p.PublishedAt}, most: r.Most, oldest: true}
	stretches := []stretch{since}
	if !at.IsZero() {
		stretches = []stretch{between(at.Add(-letterSpan), at.Add(letterSpan)), since}
	}
	var looked look
	for _, in := range stretches {
		in.from.subjects = []string{bridge.LetterSubject(route, p.Subject)}
		if l, looked, err = r.findLetterIn(ctx, s, p, in); l != nil || err != nil {
			return l, "", err
		}
	}
	if looked.partial() {
		r.unknown("whether it is a dead letter on route %s: %d of %d letters since then were looked at", route, looked.read, looked.of)
		return nil, fmt.Sprintf("%d of %d letters since then were looked at", looked.read, looked.of), nil
	}
	return nil, "", nil
}

func (r *reader) findLetterIn(ctx context.Context, s jetstream.Stream, p *publish, in stretch) (*letter, look, error) {
	var found atomic.Pointer[letter]
	looked, err := r.find(ctx, s, in, headersOnly, func(msg *nats.Msg) bool {
		h := msg.Header
		if number[uint64](h, "Sequence") != p.Sequence || !timeIn(h, "Published-At").Equal(p.PublishedAt) {
			return true
		}
		if meta, err := msg.Metadata(); err == nil {
			found.Store(&letter{meta.Sequence.Stream, h.Get("Makebridge-Reason"), h.Get("Makebridge-Error")})
		}
		return false
	})
	if err != nil {
		err = explain(err, "search stream "+r.DLQ, "$JS.API.CONSUMER.CREATE."+r.DLQ+".>")
	}
	return found.Load(), looked, err
}
