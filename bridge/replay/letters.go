package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Letters is the stream of dead letters as it was when it was opened: letters
// that are stored later are not seen.
type Letters struct {
	js     jetstream.JetStream
	source source
}

// ErrNoLetter says that there is no letter of an ID, or no longer.
var ErrNoLetter = errors.New("no such letter, or replayed or discarded already")

// OpenLetters looks up the stream of dead letters.
func OpenLetters(ctx context.Context, js jetstream.JetStream, stream string) (*Letters, error) {
	s, err := open(ctx, js, stream)
	if err != nil {
		return nil, err
	}
	return &Letters{js, s}, nil
}

// Filter says which letters are meant. An empty field leaves the choice open;
// the zero Filter means every letter.
type Filter struct {
	// Route must be a route's name; Reason one that bridge.Reason has.
	Route, Reason string
	// Type and EventID are compared with the letter's headers, and with the
	// event itself where the letter has no such headers.
	Type, EventID string
	// Since is the time from which on letters were stored.
	Since time.Time
	// After and Before bound the letters' IDs; both are excluded, and 0 is no
	// bound.
	After, Before uint64
}

// asks returns the question that the filter is, but for its bounds and the
// route, which the server sees to.
func (f Filter) asks() question {
	return func(m message) answer {
		if f.Reason != "" && own(m.header, "Reason") != f.Reason {
			return no
		}
		if f.Type == "" && f.EventID == "" {
			return yes
		}
		typ, id := own(m.header, "Type"), own(m.header, "Event-Id")
		if typ == "" && id == "" {
			if !m.whole {
				return unsure
			}
			body, _ := event(m) // one that cannot be read says nothing
			typ, id = peek(body)
		}
		return answerOf((f.Type == "" || typ == f.Type) && (f.EventID == "" || id == f.EventID))
	}
}

// Matches reports whether a letter that was read whole is meant.
func (f Filter) Matches(l Letter) bool {
	return (f.Route == "" || l.Route == f.Route) && (f.Reason == "" || l.Reason == f.Reason) &&
		(f.Type == "" || l.Type == f.Type) && (f.EventID == "" || l.EventID == f.EventID) &&
		!l.Stored.Before(f.Since) && l.ID > f.After && (f.Before == 0 || l.ID < f.Before)
}

// stretch is the part of the stream that a filter leaves.
func (l *Letters) stretch(ctx context.Context, f Filter) (stretch, error) {
	part := stretch{max(1, l.source.first, f.After+1), l.source.last, []string{dlqPrefix + ">"}}
	if f.Before > 0 {
		part.to = min(part.to, f.Before-1)
	}
	if f.Route != "" {
		part.subjects = []string{dlqPrefix + f.Route + ".>"}
	}
	if !f.Since.IsZero() && part.from <= part.to {
		from, err := l.source.seek(ctx, f.Since)
		if err != nil {
			return part, err
		}
		part.from = max(part.from, from)
	}
	return part, nil
}

// Page returns the latest letters that a filter means, at most limit, the
// latest first, without their bodies. It reads from the end of the stream no
// more than it has to: where nothing matches, the headers of all letters that
// Route, Since, After and Before leave.
func (l *Letters) Page(ctx context.Context, f Filter, limit int) ([]Letter, error) {
	part, err := l.stretch(ctx, f)
	if err != nil {
		return nil, err
	}
	found, err := l.source.backwards(ctx, part, limit, f.asks())
	page := make([]Letter, 0, len(found))
	for _, m := range found {
		page = append(page, newLetter(m))
	}
	return page, err
}

// Pick is a letter that was selected.
type Pick struct {
	ID    uint64
	Route string
}

// Select returns the letters that a filter means, the oldest first. Looked,
// unless nil, is told how far it is.
func (l *Letters) Select(ctx context.Context, f Filter, looked Looked) (picks []Pick, err error) {
	part, err := l.stretch(ctx, f)
	if err != nil {
		return nil, err
	}
	err = l.source.forwards(ctx, part, f.asks(), looked, func(m message) {
		picks = append(picks, Pick{m.sequence, newLetter(m).Route})
	})
	return picks, err
}

// Get reads one letter, body included. It returns ErrNoLetter where there is
// none. A letter whose body cannot be read is returned along with the error
// that says so, with a nil Body.
func (l *Letters) Get(ctx context.Context, id uint64) (Letter, error) {
	m, err := l.source.get(ctx, id)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Letter{}, ErrNoLetter
	}
	if err != nil {
		return Letter{}, err
	}
	return m.letter()
}

// Routes returns how many letters each route has. It asks the server for its
// counts by subject and reads no letter.
func (l *Letters) Routes(ctx context.Context) (map[string]uint64, error) {
	info, err := l.source.stream.Info(ctx, jetstream.WithSubjectFilter(dlqPrefix+">"))
	if err != nil {
		return nil, fmt.Errorf("count the letters in %s: %w", l.source.name, err)
	}
	counts := map[string]uint64{}
	for subject, n := range info.State.Subjects {
		route, _, _ := strings.Cut(strings.TrimPrefix(subject, dlqPrefix), ".")
		counts[route] += n
	}
	return counts, nil
}
