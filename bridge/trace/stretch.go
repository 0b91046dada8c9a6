package trace

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// strands is how many consumers read a long stretch side by side: one takes
	// the server 4 µs a message, and several share its processors.
	strands = 4
	// shortStretch is how many sequences one consumer goes through as fast. To
	// pass over what is on other subjects takes the server time too.
	shortStretch = 10_000
)

// stretch is a part of a stream to look through, in any order.
type stretch struct {
	from place
	// before is the sequence or the time at which it ends; the zero place is the
	// end of the stream.
	before place
	// most, unless 0, is about how many messages are read of it: the newest, or
	// the oldest.
	most   uint64
	oldest bool
}

// look is what came of looking through a stretch.
type look struct {
	// read is how many messages were looked at, of how many.
	read, of uint64
}

func (l *look) add(more look) { l.read, l.of = l.read+more.read, l.of+more.of }

// partial reports whether there was more than was looked at.
func (l look) partial() bool { return l.read < l.of }

// find shows each the messages of a stretch until it returns false. Several
// goroutines call it at a time.
func (r *reader) find(ctx context.Context, s jetstream.Stream, in stretch, what content, each func(*nats.Msg) bool) (look, error) {
	begin, err := r.openCursor(ctx, s, in.from, what)
	if err != nil {
		return look{}, err
	}
	end := &cursor{next: max(begin.next, s.CachedInfo().State.LastSeq+1)}
	if in.before.sequence > 0 || !in.before.time.IsZero() {
		in.before.subjects = in.from.subjects
		if end, err = r.openCursor(ctx, s, in.before, what); err != nil {
			return look{}, err
		}
	}
	all := begin.until(end)
	p, err := r.plan(ctx, s, in, what, begin, end)
	if err != nil {
		return look{}, err
	}
	progress := r.progress(p.total())
	err = p.run(ctx, each, progress.add)
	return look{progress.sum(), all}, err
}

// until is how many messages are between two places: messages that were stored
// after the first was looked up are not counted.
func (c *cursor) until(end *cursor) uint64 { return c.ahead - min(c.ahead, end.ahead) }

// strand is what one consumer reads.
type strand struct {
	from  *cursor
	count uint64
}

type strandsOf []strand

func (p strandsOf) total() (n uint64) {
	for _, s := range p {
		n += s.count
	}
	return n
}

// plan cuts a stretch down to what may be read of it, and divides that.
func (r *reader) plan(ctx context.Context, s jetstream.Stream, in stretch, what content, begin, end *cursor) (strandsOf, error) {
	open := func(sequence uint64) (*cursor, error) {
		return r.openCursor(ctx, s, place{subjects: in.from.subjects, sequence: sequence}, what)
	}
	var err error
	if n := begin.until(end); in.most > 0 && n > in.most {
		// They are taken to be spread evenly.
		part := uint64(float64(end.next-begin.next) * float64(in.most) / float64(n))
		if in.oldest {
			end, err = open(begin.next + part)
		} else {
			begin, err = open(end.next - part)
		}
		if err != nil {
			return nil, err
		}
	}
	n := begin.until(end)
	if n == 0 || end.next-begin.next <= shortStretch {
		return strandsOf{{begin, n}}, nil
	}
	width := (end.next - begin.next) / strands
	var all strandsOf
	for i := uint64(strands - 1); i > 0; i-- {
		c, err := open(begin.next + width*i)
		if err != nil {
			return nil, err
		}
		all, end = append(all, strand{c, c.until(end)}), c
	}
	return append(all, strand{begin, begin.until(end)}), nil
}

// run reads all strands, until each returns false.
func (p strandsOf) run(ctx context.Context, each func(*nats.Msg) bool, told func(uint64)) error {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var (
		all    sync.WaitGroup
		once   sync.Once
		failed error
	)
	for _, s := range p {
		all.Go(func() {
			found := false
			err := s.from.read(ctx, s.count, func(m *nats.Msg) bool {
				found = !each(m)
				return !found
			}, told)
			if err != nil || found {
				once.Do(func() { failed = err; enough() })
			}
		})
	}
	all.Wait()
	return failed
}

// between is a stretch by time.
func between(from, before time.Time) stretch {
	return stretch{from: place{time: from}, before: place{time: before}}
}
