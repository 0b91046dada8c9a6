package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// source is a stream to read from, as it was when it was opened.
type source struct {
	js          jetstream.JetStream
	name        string
	stream      jetstream.Stream
	first, last uint64
	littered    bool // deleting consumers does not work
}

// message is a message of a stream. Where only headers were asked for its body
// is nil.
type message struct {
	subject  string
	sequence uint64
	stored   time.Time
	header   nats.Header
	body     []byte
	whole    bool
}

// open looks a stream up. What is stored later is not read.
func open(ctx context.Context, js jetstream.JetStream, name string) (source, error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return source{}, fmt.Errorf("stream %s does not exist: create it with makebridge setup, or by running a bridge", name)
	}
	if err != nil {
		return source{}, fmt.Errorf("look up stream %s: %w", name, err)
	}
	state := s.CachedInfo().State
	return source{js: js, name: name, stream: s, first: state.FirstSeq, last: state.LastSeq}, nil
}

// get reads one message, its body included.
func (s *source) get(ctx context.Context, sequence uint64) (message, error) {
	m, err := s.stream.GetMsg(ctx, sequence)
	if err != nil {
		return message{}, fmt.Errorf("read %d in %s: %w", sequence, s.name, err)
	}
	for _, name := range [...]string{
		jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer,
	} {
		m.Header.Del(name) // the answer's own, not the message's
	}
	return message{m.Subject, m.Sequence, m.Time, m.Header, m.Data, true}, nil
}

// seek returns the sequence of the first message stored at or after a time, or
// the one after the last.
func (s *source) seek(ctx context.Context, at time.Time) (uint64, error) {
	c, err := s.consumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at, HeadersOnly: true,
	})
	if err != nil {
		return 0, err
	}
	defer s.drop(ctx, c)
	found := s.last + 1
	if c.CachedInfo().NumPending == 0 {
		return found, nil
	}
	err = s.read(ctx, c, 1, func(m message) bool { found = m.sequence; return false })
	return found, err
}
