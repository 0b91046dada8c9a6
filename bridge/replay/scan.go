package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// headersBatch and wholeBatch are how many messages are asked for at a
	// time: enough to make a round trip worth it, and whole messages, each of
	// which may be as large as the server allows, few enough for the memory.
	headersBatch = 1000
	wholeBatch   = 16
	// fetchWait bounds one such request, fetchHeartbeat half of the silence
	// that is taken for the lack of an answer.
	fetchWait      = 10 * time.Second
	fetchHeartbeat = 2 * time.Second
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
	pending, next := c.CachedInfo().NumPending, uint64(1)
	for pending > 0 {
		got, err := fetch(ctx, c, batch, pending)
		if err != nil {
			return fmt.Errorf("read stream %s: %w", s.name, err)
		}
		for _, msg := range got {
			meta, err := msg.Metadata()
			if err != nil {
				return fmt.Errorf("read stream %s: %w", s.name, err)
			}
			if meta.Sequence.Consumer != next {
				return fmt.Errorf("read stream %s: %w", s.name, errGap)
			}
			next, pending = next+1, meta.NumPending
			m := message{
				subject: msg.Subject(), sequence: meta.Sequence.Stream, stored: meta.Timestamp,
				header: msg.Headers(), body: msg.Data(),
			}
			if !visit(m) {
				return nil
			}
		}
		if len(got) > 0 {
			continue
		}
		// Messages may have been deleted since they were counted.
		info, err := c.Info(ctx)
		if err != nil {
			return fmt.Errorf("read stream %s: %w", s.name, err)
		}
		pending = info.NumPending
	}
	return nil
}

// fetch asks for the next messages. It may return fewer than there are.
func fetch(ctx context.Context, c jetstream.Consumer, batch int, pending uint64) ([]jetstream.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	n := int(min(uint64(batch), pending)) //nolint:gosec // at most batch
	answer, err := c.Fetch(n, jetstream.FetchContext(limited), jetstream.FetchHeartbeat(fetchHeartbeat))
	if err != nil {
		return nil, err
	}
	got := make([]jetstream.Msg, 0, n)
	for msg := range answer.Messages() {
		got = append(got, msg)
	}
	return got, answer.Error()
}
