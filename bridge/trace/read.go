package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// Config says where to look.
type Config struct {
	JetStream jetstream.JetStream
	// Stream holds the events, DLQ the dead letters, Receipts the receipts;
	// an empty Receipts is not looked at. Bucket is what the replicas share.
	Stream, DLQ, Receipts, Bucket string
	// Since, unless zero, is from when on all of the stream is searched for an
	// event without receipts. Otherwise about Most events are looked at, and as
	// many letters; DefaultMost if 0. They are those about the time in its id, or
	// what routes have not settled and the newest.
	Since time.Time
	Most  uint64
	// Holds tells which routes' destinations are held, by route. It is asked once
	// at the most, if an event is not settled. Nil: nobody knows.
	Holds func(context.Context) (map[string]Hold, error)
	// Ordering is that of the routes of which it is known; others that keep an
	// order are taken to keep that of keys.
	Ordering map[string]bridge.Ordering
	// Progress, unless nil, is told how many of how many messages a long
	// search has read.
	Progress func(read, total uint64)
}

// reader is one look-up.
type reader struct {
	Config
	eventID string

	events       jetstream.Stream
	receiptsKept time.Duration // how long receipts are kept, 0 for ever
	positions    []position
	holds        map[string]Hold // once asked
	trace        *Trace
}

// Read finds out what became of an event. Its error is an *UnknownError where
// there is no trace of it, or says what could not be read of the stream of
// events.
func Read(ctx context.Context, c Config, eventID string) (*Trace, error) {
	c.Most = cmp.Or(c.Most, DefaultMost)
	r := &reader{Config: c, eventID: eventID, trace: &Trace{EventID: eventID, Stream: c.Stream}}
	var err error
	r.events, err = c.JetStream.Stream(ctx, c.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s does not exist: is BRIDGE_STREAM right, and has makebridge setup or run created it?", c.Stream)
	}
	if err != nil {
		return nil, explain(err, "look up stream "+c.Stream, "$JS.API.STREAM.INFO."+c.Stream)
	}
	if r.positions, err = readPositions(ctx, r.events); err != nil {
		return nil, explain(err, "list the consumers of stream "+c.Stream, "$JS.API.CONSUMER.LIST."+c.Stream)
	}
	if err := r.readPublishes(ctx, r.readReceipts(ctx)); err != nil {
		return nil, err
	}
	return r.trace, ctx.Err()
}

// readPublishes finds every place of the event in the stream, and tells of each.
func (r *reader) readPublishes(ctx context.Context, told receipts) error {
	found := map[identity]publish{}
	for id, subject := range told.subjects {
		p, err := r.get(ctx, id, subject)
		if err != nil {
			return err
		}
		found[id] = p
	}
	if !slices.ContainsFunc(values(found), publish.isOriginal) {
		if err := r.search(ctx, found); err != nil {
			return err
		}
	}
	if err := r.readReplays(ctx, found); err != nil {
		return err
	}
	all := values(found)
	slices.SortFunc(all, func(a, b publish) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, p := range all {
		r.trace.Type = cmp.Or(r.trace.Type, p.eventType)
		if !p.isOriginal() {
			r.readReplayReceipts(ctx, told, p)
		}
		if err := r.readRoutes(ctx, &p, told.steps[p.id]); err != nil {
			return err
		}
		r.trace.Publishes = append(r.trace.Publishes, p.Publish)
	}
	r.tellOfExpiredReceipts()
	return nil
}

// search looks for the event itself. That it is gone is no error where there
// are receipts.
func (r *reader) search(ctx context.Context, found map[identity]publish) error {
	sequence, err := r.findEvent(ctx)
	var unknown *UnknownError
	if errors.As(err, &unknown) && len(found) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := r.getSequence(ctx, sequence)
	if err == nil {
		found[p.id] = p
	}
	return err
}

// tellOfExpiredReceipts says so where an event is older than its receipts can
// be.
func (r *reader) tellOfExpiredReceipts() {
	for _, p := range r.trace.Publishes {
		if age := time.Since(p.PublishedAt); r.receiptsKept > 0 && age > r.receiptsKept {
			r.unknown("what happened more than %s ago: receipts are kept no longer", r.receiptsKept)
			return
		}
	}
}

func (r *reader) unknown(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(r.trace.Unknown, text) {
		r.trace.Unknown = append(r.trace.Unknown, text)
	}
}

func values[K comparable, V any](m map[K]V) []V {
	list := make([]V, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	return list
}
