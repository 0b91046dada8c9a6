package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/pull"
)

const (
	// headersBatch and wholeBatch are how many messages are asked for at a
	// time: enough to make a round trip worth it, and whole messages, each of
	// which may be as large as the server allows, few enough for the memory.
	headersBatch = 1000
	wholeBatch   = 16
	// batchWait bounds one such request.
	batchWait = 10 * time.Second
	// consumerLife is how long the server keeps a consumer that its reader,
	// killed perhaps, did not delete, and dropWait how long deleting may take.
	consumerLife = 15 * time.Second
	dropWait     = 2 * time.Second
)

// errGap is a message that got lost on its way here.
var errGap = errors.New("the connection lost messages; try again")

// stretch is a part of a stream: the messages of some subjects from one
// sequence to another, both included.
type stretch struct {
	from, to uint64
	subjects []string
}

// scan visits the messages of a stretch in their order, until visit returns
// false. It reports how many it has visited.
func (s *source) scan(ctx context.Context, part stretch, whole bool, visit func(message) bool) (n int, err error) {
	c, err := s.consumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: part.from,
		FilterSubjects: part.subjects, HeadersOnly: !whole,
	})
	if err != nil {
		return 0, err
	}
	defer s.drop(ctx, c)
	batch := headersBatch
	if whole {
		batch = wholeBatch
	}
	err = s.read(ctx, c, batch, func(m message) bool {
		if m.sequence > part.to {
			return false
		}
		n++
		m.whole = whole
		return visit(m)
	})
	return n, err
}

// consumer creates a consumer that goes away by itself.
func (s *source) consumer(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	config.AckPolicy = jetstream.AckNonePolicy
	config.MemoryStorage = true
	config.Replicas = 1
	config.InactiveThreshold = consumerLife
	c, err := s.stream.CreateConsumer(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", s.name, err)
	}
	return c, nil
}

// drop deletes a consumer: an account may have a limit of them. Who is not
// allowed to leaves it to the server.
func (s *source) drop(ctx context.Context, c jetstream.Consumer) {
	if s.littered {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWait)
	defer cancel()
	s.littered = s.stream.DeleteConsumer(ctx, c.CachedInfo().Name) != nil
}

// read hands over what a new consumer has, until visit returns false.
func (s *source) read(ctx context.Context, c jetstream.Consumer, batch int, visit func(message) bool) error {
	reader := pull.NewReader(s.js, c.CachedInfo())
	r := &reading{visit: visit, next: 1, pending: c.CachedInfo().NumPending}
	for r.pending > 0 && !r.enough {
		n := int(min(uint64(batch), r.pending)) //nolint:gosec // at most batch
		got, err := reader.Batch(ctx, n, batchWait, r.take)
		if err = cmp.Or(r.failed, err); err == nil && got == 0 {
			err = r.recount(ctx, c)
		}
		if err != nil {
			return fmt.Errorf("read stream %s: %w", s.name, err)
		}
	}
	return nil
}

// reading is how far the messages of a consumer were read.
type reading struct {
	visit func(message) bool
	// next is the consumer's number of the message that comes next, pending how
	// many there are from there on.
	next, pending uint64
	enough        bool  // visit wants no more
	failed        error // of a message
}

// take visits one message, and reports whether there may be another.
func (r *reading) take(msg *nats.Msg) bool {
	meta, err := msg.Metadata()
	switch {
	case err != nil:
		r.failed = err
		return false
	case meta.Sequence.Consumer != r.next:
		r.failed = errGap
		return false
	}
	r.next, r.pending = r.next+1, meta.NumPending
	r.enough = !r.visit(message{
		subject: msg.Subject, sequence: meta.Sequence.Stream, stored: meta.Timestamp, header: msg.Header, body: msg.Data,
	})
	return !r.enough
}

// recount asks the server what is left where nothing came: messages may have been
// deleted since they were counted.
func (r *reading) recount(ctx context.Context, c jetstream.Consumer) error {
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	if info.Delivered.Consumer >= r.next {
		return errGap
	}
	r.pending = info.NumPending
	return nil
}
