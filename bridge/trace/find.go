package trace

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// atOnce is how long after it was made most events are published.
	atOnce = time.Second
	// DefaultMost is about how many events are looked at for one without
	// receipts: what a server sends in half a second, on a small machine too.
	DefaultMost = 100_000
)

// search is one search for the event in the stream.
type search struct {
	*reader
	unknown UnknownError
	looked  look
}

// findEvent looks for the event in the stream by its publisher's header. Where
// it is not found, the error says where it was looked for.
func (r *reader) findEvent(ctx context.Context) (sequence uint64, err error) {
	s := &search{reader: r, unknown: UnknownError{EventID: r.eventID, Stream: r.Stream}}
	made, timed := bridge.MadeAt(r.eventID)
	switch {
	case !r.Since.IsZero():
		s.unknown.From, s.unknown.To = r.Since, time.Now()
		sequence, err = s.in(ctx, stretch{from: place{time: r.Since}})
	case timed:
		sequence, err = s.around(ctx, made)
	default:
		sequence, err = s.anywhere(ctx)
	}
	if err != nil || sequence > 0 {
		return sequence, err
	}
	s.unknown.Read, s.unknown.Total = s.looked.read, s.looked.of
	return 0, &s.unknown
}

// around looks about the time at which the event was made: where it should be,
// then later, since publishers try again, then earlier, since clocks differ.
func (s *search) around(ctx context.Context, made time.Time) (sequence uint64, err error) {
	first, last := made.Add(-bridge.MostSkew), made.Add(bridge.MostLate)
	s.unknown.From, s.unknown.To = first, last
	soon, late := made.Add(-100*time.Millisecond), made.Add(atOnce)
	for _, in := range []stretch{between(soon, late), between(late, last), between(first, soon)} {
		in.most, in.oldest = s.left(), !in.from.time.Equal(first)
		if sequence, err = s.in(ctx, in); err != nil || sequence > 0 {
			return sequence, err
		}
	}
	return 0, nil
}

// anywhere looks among what routes have not settled, the oldest first, since
// only of that there need be no receipt, and then among the newest.
func (s *search) anywhere(ctx context.Context) (sequence uint64, err error) {
	if s.events.CachedInfo().State.Msgs <= s.Most {
		return s.in(ctx, stretch{})
	}
	for _, at := range s.positions {
		if at.unsettled == 0 {
			continue
		}
		waiting := stretch{from: place{subjects: at.filters, sequence: at.floor + 1}, oldest: true}
		waiting.most = max(1, s.Most/2/uint64(len(s.positions)))
		if sequence, err = s.in(ctx, waiting); err != nil || sequence > 0 {
			return sequence, err
		}
	}
	newest := stretch{most: s.left()}
	s.looked = look{} // what was looked at is among these, or small beside them
	return s.in(ctx, newest)
}

// left is how many events may still be looked at.
func (s *search) left() uint64 { return max(1, s.Most-min(s.Most, s.looked.read)) }

// in looks in one stretch.
func (s *search) in(ctx context.Context, in stretch) (sequence uint64, err error) {
	var hit atomic.Pointer[nats.Msg]
	looked, err := s.find(ctx, s.events, in, headersOnly, func(msg *nats.Msg) bool {
		if id := msg.Header.Get(jetstream.MsgIDHeader); id == "" || id != s.eventID {
			return true
		}
		hit.Store(msg)
		return false
	})
	s.looked.add(looked)
	if err != nil {
		return 0, explain(err, "search stream "+s.Stream, "$JS.API.CONSUMER.CREATE."+s.Stream+".>")
	}
	if hit.Load() == nil {
		return 0, nil
	}
	meta, err := hit.Load().Metadata()
	if err != nil {
		return 0, fmt.Errorf("read the position of an event: %w", err)
	}
	return meta.Sequence.Stream, nil
}
