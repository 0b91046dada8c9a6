package backlog

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// oldest finds the oldest event that a consumer has not settled, nil if there
// is none any more: everything up to the ack floor is settled, and what follows
// it is not.
func (r *reader) oldest(ctx context.Context, info *jetstream.ConsumerInfo) (*Event, error) {
	var first *jetstream.RawStreamMsg
	for _, filter := range filters(info.Config) {
		err := r.asker.ask(ctx, "read the oldest event of "+info.Name, r.getSubject(), func(ctx context.Context) error {
			m, err := r.stream.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(filter))
			if err == nil && (first == nil || m.Sequence < first.Sequence) {
				first = m
			}
			return err
		})
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, err
		}
	}
	if first == nil {
		return nil, nil
	}
	e := &Event{Sequence: first.Sequence, Published: first.Time}
	if maxAge := r.stream.CachedInfo().Config.MaxAge; maxAge > 0 {
		e.Expires = e.Published.Add(maxAge)
	}
	return e, nil
}

// getSubject is where a message is asked for.
func (r *reader) getSubject() string {
	if r.stream.CachedInfo().Config.AllowDirect {
		return "$JS.API.DIRECT.GET." + r.Stream
	}
	return "$JS.API.STREAM.MSG.GET." + r.Stream
}

func filters(c jetstream.ConsumerConfig) []string {
	switch {
	case c.FilterSubject != "":
		return []string{c.FilterSubject}
	case len(c.FilterSubjects) > 0:
		return c.FilterSubjects
	}
	return []string{">"}
}
