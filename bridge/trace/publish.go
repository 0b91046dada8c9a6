package trace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

// redeliverPrefix begins the subject of a replay: redeliver.<route>.<subject>.
const redeliverPrefix = "redeliver."

// publish is a Publish with what else is needed of it.
type publish struct {
	Publish
	id        identity
	taken     string // the subject as consumers see it; empty where not known
	eventType string
	body      []byte // empty where it is gone
}

// isOriginal reports whether it is the event itself, not a replay.
func (p publish) isOriginal() bool { return p.ReplayOf == "" }

// get reads an event that a receipt tells of. Where it is gone, the receipt is
// all that is known.
func (r *reader) get(ctx context.Context, id identity, subject string) (publish, error) {
	p, err := r.getSequence(ctx, id.sequence)
	switch {
	case err == nil && p.id == id:
		return p, nil
	case err == nil, errors.Is(err, jetstream.ErrMsgNotFound):
		return publish{
			Publish: Publish{Sequence: id.sequence, Subject: subject, PublishedAt: time.Unix(0, id.published).UTC()}, id: id,
		}, nil
	}
	return p, err
}

func (r *reader) getSequence(ctx context.Context, sequence uint64) (publish, error) {
	m, err := r.events.GetMsg(ctx, sequence)
	if err != nil {
		return publish{}, explain(err, fmt.Sprintf("read sequence %d of stream %s", sequence, r.Stream), "$JS.API.DIRECT.GET."+r.Stream)
	}
	return r.newPublish(m.Sequence, m.Subject, m.Time, m.Data), nil
}

// newPublish is an event that is in the stream.
func (r *reader) newPublish(sequence uint64, subject string, at time.Time, body []byte) publish {
	p := publish{
		Publish: Publish{Sequence: sequence, Subject: subject, PublishedAt: at.UTC(), Stored: true},
		id:      identityOf(sequence, at), taken: subject, body: body,
	}
	if rest, replay := strings.CutPrefix(subject, redeliverPrefix); replay {
		p.ReplayOf, p.Subject, _ = strings.Cut(rest, ".")
	}
	if maxAge := r.events.CachedInfo().Config.MaxAge; maxAge > 0 {
		p.ExpiresAt = p.PublishedAt.Add(maxAge)
	}
	if event, err := schemas.Decode(body); err == nil {
		p.eventType = event.Type
	}
	return p
}
