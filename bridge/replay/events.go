package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// Events is the stream of events as it was when it was opened.
type Events struct {
	js     jetstream.JetStream
	source source
}

// OpenEvents looks up the stream of events.
func OpenEvents(ctx context.Context, js jetstream.JetStream, stream string) (*Events, error) {
	s, err := open(ctx, js, stream)
	if err != nil {
		return nil, err
	}
	return &Events{js, s}, nil
}

// DuplicateWindow returns for how long the stream knows the ids of copies that
// it has stored.
func (e *Events) DuplicateWindow() time.Duration {
	return e.source.stream.CachedInfo().Config.Duplicates
}

// Takes returns a *NoConsumerError where no consumer takes redeliveries to a
// route.
func (e *Events) Takes(ctx context.Context, route string) error {
	_, err := consumed(ctx, e.source.stream, e.source.name, route)
	return err
}

// Selection says which events of a route are meant.
type Selection struct {
	Route string
	// Since is the time from which on events were stored, Until the one before
	// which they were; zero is no bound.
	Since, Until time.Time
	// Type and EventID, where set, are the event's. An event is known by its
	// Nats-Msg-Id, which publishers set to the event_id, and by its body where
	// it has no such header. Where EventID is a UUIDv7 and there are no times,
	// those about the time in it are looked at: see Bounds.
	Type, EventID string
	// Run, where set, is an interrupted one to go on with. Its part of the
	// stream takes the place of Since and Until.
	Run Run
}

// Bounds returns the times between which events are looked at: Since and Until,
// or those about the time in EventID.
func (s Selection) Bounds() (since, until time.Time) {
	made, timed := bridge.MadeAt(s.EventID)
	if !timed || !s.Since.IsZero() || !s.Until.IsZero() || !s.Run.IsZero() {
		return s.Since, s.Until
	}
	return made.Add(-bridge.MostSkew), made.Add(bridge.MostLate)
}

// Picked are the events of a selection, in stream order, and the run that is
// about to deliver them again.
type Picked struct {
	Sequences []uint64
	Run       Run
	route     string
}

// Select returns the events that a selection means, without those that are
// copies themselves. It reads the headers of all events of the route in its
// part of the stream, and their bodies where Type is one that the catalogue
// does not have. Looked, unless nil, is told how far it is. The error is a
// *NoConsumerError where no consumer takes redeliveries to the route.
func (e *Events) Select(ctx context.Context, s Selection, looked Looked) (Picked, error) {
	taken, err := consumed(ctx, e.source.stream, e.source.name, s.Route)
	if err != nil {
		return Picked{}, err
	}
	part, err := e.stretch(ctx, s)
	if err != nil {
		return Picked{}, err
	}
	picked := Picked{Run: s.Run, route: s.Route}
	if s.Run.IsZero() {
		picked.Run = newRun(part)
	}
	ask := s.asks()
	if part.subjects, ask = narrow(taken, s.Type, ask); len(part.subjects) == 0 {
		return picked, fmt.Errorf("route %s does not take events of type %s", s.Route, s.Type)
	}
	err = e.source.forwards(ctx, part, ask, looked, func(m message) { picked.Sequences = append(picked.Sequences, m.sequence) })
	return picked, err
}

func (e *Events) stretch(ctx context.Context, s Selection) (part stretch, err error) {
	part = stretch{from: max(1, e.source.first), to: e.source.last}
	if !s.Run.IsZero() {
		part.from, part.to = max(part.from, s.Run.after+1), min(part.to, s.Run.through)
		return part, nil
	}
	if part.from > part.to {
		return part, nil
	}
	since, until := s.Bounds()
	if !since.IsZero() {
		if part.from, err = e.source.seek(ctx, since); err != nil {
			return part, err
		}
	}
	if !until.IsZero() {
		end, err := e.source.seek(ctx, until)
		if err != nil {
			return part, err
		}
		part.to = end - 1
	}
	return part, nil
}

// narrow returns the subjects on which events of a type travel within those
// that a route takes. The type need not be asked for where its subject tells.
func narrow(taken []string, typ string, ask question) ([]string, question) {
	entry, ok := subjects.ByType(typ)
	if !ok {
		return taken, ask
	}
	for _, s := range taken {
		if subjects.Covers(s, entry.Subject) {
			return []string{entry.Subject}, ask
		}
	}
	return nil, ask
}

// asks returns the question that a selection is.
func (s Selection) asks() question {
	_, catalogued := subjects.ByType(s.Type)
	return func(m message) answer {
		known := m.header.Get(idHeader)
		byBody := s.Type != "" && !catalogued || s.EventID != "" && known == ""
		switch {
		case s.EventID != "" && known != "" && known != s.EventID:
			return no
		case !byBody:
			return yes
		case !m.whole:
			return unsure
		}
		typ, id := peek(m.body)
		return answerOf((s.Type == "" || typ == s.Type) && (s.EventID == "" || known == s.EventID || id == s.EventID))
	}
}

// Replay publishes copies of events that re-enter one route, in stream order
// and no faster than pace, where that is set. Once ctx is done no more are
// begun; those under way are finished, unless its cause is ErrAbandon. What is
// left is the run it returns: to go on with it within the duplicate window
// stores no copy twice, also after an error. To go on with the run that was
// picked does the same for one that was killed.
func (e *Events) Replay(ctx context.Context, picked Picked, pace bridge.Limit, p Progress) (left Run, t Tally, err error) {
	again := redelivery{e.js, e.source.name}
	count := newCounter(len(picked.Sequences), p)
	q := queue{pace: newPace(pace), do: func(ctx context.Context, i int, turn turn, passed func()) error {
		sequence := picked.Sequences[i]
		already, err := e.copy(ctx, again, picked, sequence, turn, passed)
		return count.note(i, sequence, already, err)
	}}
	err = q.run(ctx, len(picked.Sequences))
	left = picked.Run.from(picked.Run.through)
	if done := count.front(); done < len(picked.Sequences) {
		left = picked.Run.from(picked.Sequences[done] - 1)
	}
	return left, count.tally, err
}

func (e *Events) copy(ctx context.Context, again redelivery, picked Picked, sequence uint64, t turn, passed func()) (already bool, err error) {
	m, err := e.source.get(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, ErrNoLetter // the stream has dropped it by now
	}
	if err != nil {
		return false, err
	}
	id := picked.Run.id(picked.route, e.source.name, m)
	return again.publish(ctx, again.message(picked.route, m.subject, id, m.header, m.body), t, passed)
}
