package trace

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/pull"
)

const (
	// firstBatch is how many messages a scan asks for first: most find what
	// they look for at once. Each further request is for twice as many, up to
	// mostBatch.
	firstBatch = 100
	mostBatch  = 16000
	// scanLinger is how long the server keeps the consumer of a scan after it
	// was last used.
	scanLinger = 5 * time.Second
	// scanStall is how long a scan waits for one batch, which may be spread over
	// the whole stream.
	scanStall = 20 * time.Second
)

// errStalled ends a scan to which the server sends nothing more.
var errStalled = errors.New("the server stopped sending messages")

// content is what a scan reads of a message.
type content bool

const (
	headersOnly   content = true
	wholeMessages content = false
)

// place is where a scan begins, and which subjects it reads. The zero place is
// all of a stream; a time counts only where there is no sequence.
type place struct {
	subjects []string
	sequence uint64
	time     time.Time
}

// consumer is an ephemeral one that begins there. It is no ordered consumer:
// what is lost here shows as a batch that is not complete, and going through
// batches takes a third of the time.
func (p place) consumer(what content) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, FilterSubjects: p.subjects, HeadersOnly: bool(what),
		Replicas: 1, MemoryStorage: true, InactiveThreshold: scanLinger,
	}
	switch {
	case p.sequence > 0:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, p.sequence
	case !p.time.IsZero():
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &p.time
	}
	return c
}

// cursor is a scan that has begun.
type cursor struct {
	reader *pull.Reader
	// next is the sequence at which it begins, ahead how many messages of its
	// subjects there are from there on.
	next, ahead uint64
}

func (r *reader) openCursor(ctx context.Context, s jetstream.Stream, at place, what content) (*cursor, error) {
	c, err := s.CreateConsumer(ctx, at.consumer(what))
	if err != nil {
		return nil, err
	}
	info := c.CachedInfo()
	return &cursor{pull.NewReader(r.JetStream, info), info.Delivered.Stream + 1, info.NumPending}, nil
}

// read shows each so many messages in order, or fewer if that returns false.
// After each batch it tells how many were in it.
func (c *cursor) read(ctx context.Context, total uint64, each func(*nats.Msg) bool, told func(read uint64)) error {
	more := true
	batch := uint64(firstBatch)
	for left := total; left > 0; batch = min(2*batch, mostBatch) {
		want := min(batch, left)
		n, err := c.reader.Batch(ctx, int(want), scanStall, func(m *nats.Msg) bool { more = each(m); return more })
		got := uint64(n) //nolint:gosec // at most want
		told(got)
		left -= got
		switch {
		case err != nil:
			return err
		case !more:
			return nil
		case got < want:
			return errStalled
		}
	}
	return nil
}
