package trace

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
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

// scan shows each the messages of a stream in order, until that returns false
// or all that there were when it began have been read. It returns how many it
// has read.
func (r *reader) scan(ctx context.Context, s jetstream.Stream, from place, what content, each func(jetstream.Msg) bool) (read uint64, err error) {
	c, err := s.CreateConsumer(ctx, from.consumer(what))
	if err != nil {
		return 0, err
	}
	total := c.CachedInfo().NumPending
	for batch := uint64(firstBatch); read < total; batch = min(2*batch, mostBatch) {
		want := min(batch, total-read)
		got, more, err := fetch(ctx, c, int(want), each)
		read += got
		switch {
		case err != nil:
			return read, err
		case !more:
			return read, nil
		case got < want:
			return read, errStalled
		case r.Progress != nil:
			r.Progress(read, total)
		}
	}
	return read, nil
}

// fetch reads one batch. It reports false once each has.
func fetch(ctx context.Context, c jetstream.Consumer, n int, each func(jetstream.Msg) bool) (got uint64, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, scanStall)
	defer cancel()
	batch, err := c.Fetch(n, jetstream.FetchContext(ctx))
	if err != nil {
		return 0, false, err
	}
	for msg := range batch.Messages() {
		got++
		if !each(msg) {
			return got, false, nil
		}
	}
	return got, true, batch.Error()
}
