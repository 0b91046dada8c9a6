package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// backlogTimeout bounds one question about a backlog.
const backlogTimeout = 2 * time.Second

// Wait is what a route finds in the stream that nobody has delivered.
type Wait struct {
	Route string
	// Off says that the route does not take its events. Otherwise it is about
	// to, and to begin with these.
	Off bool
	// Events is how many there are, those that nobody wants to filter away
	// included. AtMost says that there may be fewer: which of them are younger
	// than the route's START, or than what a consumer that was deleted had got
	// to, was not counted.
	Events uint64
	AtMost bool
	// Oldest is when the oldest of them was stored, zero where that is not
	// known; Expires is when the stream drops it, zero where it never does.
	Oldest, Expires time.Time
	// Err says what could not be found out, and why; nil where all was.
	Err error
}

// Waiting says what waits for each of the routes that are off, and for those
// that are on, have no consumer yet and will find something. It changes
// nothing. A question that is not answered, as when the user may not ask it,
// ends in Wait.Err and costs two seconds; it is not asked again for the other
// routes.
//
// It looks before the consumers are provisioned. Of the routes that are off,
// names and subjects are enough.
func Waiting(ctx context.Context, js jetstream.JetStream, s Settings, off, on []*bridge.Route) []Wait {
	b := &backlog{js: js, settings: s}
	var waits []Wait
	for _, r := range off {
		w := Wait{Route: r.Name, Off: true}
		_, w.Err = b.look(ctx, r, &w)
		waits = append(waits, w)
	}
	for _, r := range on {
		w := Wait{Route: r.Name}
		var consumed bool
		if consumed, w.Err = b.look(ctx, r, &w); !consumed && (w.Events > 0 || w.Err != nil) {
			waits = append(waits, w)
		}
	}
	return waits
}

// backlog asks about one stream.
type backlog struct {
	js       jetstream.JetStream
	settings Settings
	stream   jetstream.Stream // once it was found
	denied   map[string]error // questions that were not answered
}

// look fills in w. It reports whether the route has a consumer.
func (b *backlog) look(ctx context.Context, r *bridge.Route, w *Wait) (consumed bool, err error) {
	if err := b.open(ctx); err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return false, nil // nothing can wait in it
		}
		return false, err
	}
	info, err := b.consumer(ctx, r.Name)
	switch {
	case err == nil && !w.Off:
		return true, nil
	case err == nil:
		w.Events = info.NumPending + uint64(max(0, info.NumAckPending))
		return true, b.age(ctx, r, info.AckFloor.Stream+1, w)
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return false, err
	}
	at, found, err := b.floor(ctx, r.Name)
	switch {
	case err != nil:
		return false, err
	case found:
		return false, b.above(ctx, r, at.Sequence, w)
	case r.Start.New:
		return false, nil
	}
	if w.Events, err = b.count(ctx, r); err != nil {
		return false, err
	}
	if err := b.age(ctx, r, 1, w); err != nil {
		return false, err
	}
	w.AtMost = w.Events > 0 && w.Oldest.Before(r.Start.At)
	return false, nil
}

func (b *backlog) open(ctx context.Context) error {
	if b.stream != nil {
		return nil
	}
	return b.ask(ctx, "look up stream "+b.settings.Stream, "$JS.API.STREAM.INFO."+b.settings.Stream,
		func(ctx context.Context) (err error) {
			b.stream, err = b.js.Stream(ctx, b.settings.Stream)
			return err
		})
}

func (b *backlog) consumer(ctx context.Context, name string) (info *jetstream.ConsumerInfo, err error) {
	err = b.ask(ctx, "look up consumer "+name, "$JS.API.CONSUMER.INFO."+b.settings.Stream+".*",
		func(ctx context.Context) error {
			c, err := b.stream.Consumer(ctx, name)
			if err == nil {
				info = c.CachedInfo()
			}
			return err
		})
	return info, err
}

// count adds up the events of a route that has no consumer.
func (b *backlog) count(ctx context.Context, r *bridge.Route) (n uint64, err error) {
	for _, filter := range filters(r) {
		err = errors.Join(err, b.ask(ctx, "count "+filter, "$JS.API.STREAM.INFO."+b.settings.Stream,
			func(ctx context.Context) error {
				info, err := b.stream.Info(ctx, jetstream.WithSubjectFilter(filter))
				if err == nil {
					for _, of := range info.State.Subjects {
						n += of
					}
				}
				return err
			}))
	}
	return n, err
}

// age finds the oldest event of a route from a sequence on.
func (b *backlog) age(ctx context.Context, r *bridge.Route, from uint64, w *Wait) error {
	if w.Events == 0 {
		return nil
	}
	for _, filter := range filters(r) {
		err := b.ask(ctx, "read the oldest event", b.getSubject(), func(ctx context.Context) error {
			m, err := b.stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(filter))
			if err == nil && (w.Oldest.IsZero() || m.Time.Before(w.Oldest)) {
				w.Oldest = m.Time
			}
			return err
		})
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
	}
	if maxAge := b.stream.CachedInfo().Config.MaxAge; maxAge > 0 && !w.Oldest.IsZero() {
		w.Expires = w.Oldest.Add(maxAge)
	}
	return nil
}

// getSubject is where a message is asked for.
func (b *backlog) getSubject() string {
	if b.stream.CachedInfo().Config.AllowDirect {
		return "$JS.API.DIRECT.GET." + b.settings.Stream
	}
	return "$JS.API.STREAM.MSG.GET." + b.settings.Stream
}

// ask puts one question, unless it was not answered before.
func (b *backlog) ask(ctx context.Context, what, subject string, question func(context.Context) error) error {
	if err := b.denied[subject]; err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, backlogTimeout)
	defer cancel()
	err := question(limited)
	if err == nil {
		return nil
	}
	err = explain(fmt.Errorf("%s: %w", what, err), subject)
	if errors.Is(err, errNoAnswer) {
		if b.denied == nil {
			b.denied = map[string]error{}
		}
		b.denied[subject] = err
	}
	return err
}
