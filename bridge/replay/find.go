package replay

import "context"

// answer is what a question says of a message.
type answer uint8

const (
	no answer = iota + 1
	yes
	unsure // the headers do not tell
)

// question says whether a message is looked for. It is unsure only of one that
// is not whole.
type question func(message) answer

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// find returns the messages of a stretch that are looked for, without their
// bodies, and how many it has looked at. It reads headers; bodies as well where
// the headers do not tell.
func (s *source) find(ctx context.Context, part stretch, ask question) (found []message, seen int, err error) {
	found, seen, told, err := s.pass(ctx, part, false, ask)
	if err == nil && !told {
		found, seen, _, err = s.pass(ctx, part, true, ask)
	}
	return found, seen, err
}

// pass looks through a stretch once. It reports whether every message told
// whether it is looked for, and ends at the first that did not.
func (s *source) pass(ctx context.Context, part stretch, whole bool, ask question) (found []message, seen int, told bool, err error) {
	told = true
	seen, err = s.scan(ctx, part, whole, func(m message) bool {
		switch ask(m) {
		case yes:
			m.body = nil
			found = append(found, m)
		case unsure:
			told = false
		case no:
		}
		return told
	})
	return found, seen, told, err
}

const (
	// firstSpan is how many sequences are looked through at first, fullSpan
	// from how many messages on the next part is not made larger.
	firstSpan = 100
	fullSpan  = 10_000
)

// backwards finds the latest messages of a stretch that are looked for, at most
// limit, the latest first. It reads parts from the end, each larger than the
// one before as long as there is little in them, and no more than it has to.
func (s *source) backwards(ctx context.Context, part stretch, limit int, ask question) (latest []message, err error) {
	span := uint64(firstSpan)
	for to := part.to; to >= part.from && len(latest) < limit; {
		from := part.from
		if to-from >= span {
			from = to - span + 1
		}
		found, seen, err := s.find(ctx, stretch{from, to, part.subjects}, ask)
		if err != nil {
			return nil, err
		}
		for i := len(found) - 1; i >= 0 && len(latest) < limit; i-- {
			latest = append(latest, found[i])
		}
		if seen < fullSpan {
			span *= 4
		}
		to = from - 1
	}
	return latest, nil
}

// Looked is told how many of how many sequences of a stream a search is past. It
// must not block.
type Looked func(past, of uint64)

// telling returns the question with which a search of a stretch tells how far
// it is.
func (l Looked) telling(part stretch, ask question) question {
	if l == nil {
		return ask
	}
	return func(m message) answer {
		l(m.sequence-part.from+1, part.to-part.from+1)
		return ask(m)
	}
}

// forwards hands over every message of a stretch that is looked for.
func (s *source) forwards(ctx context.Context, part stretch, ask question, looked Looked, take func(message)) error {
	ask = looked.telling(part, ask)
	span := uint64(fullSpan)
	for from := part.from; from <= part.to; {
		to := part.to
		if to-from >= span {
			to = from + span - 1
		}
		found, seen, err := s.find(ctx, stretch{from, to, part.subjects}, ask)
		if err != nil {
			return err
		}
		for _, m := range found {
			take(m)
		}
		if seen < fullSpan {
			span *= 4
		}
		from = to + 1
	}
	return nil
}
