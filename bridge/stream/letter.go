package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// letterPrefix begins the headers that a dead letter has beyond its event's.
const letterPrefix = "Makebridge-"

// letters stores the dead letters of one route.
type letters struct {
	js     jetstream.JetStream
	route  string
	events string // the stream the events come from
	dlq    string
}

// store writes a letter and returns once the server has confirmed it. Within
// the stream's duplicate window a second letter for the same event and route
// is not stored.
func (l *letters) store(ctx context.Context, it *item, v bridge.Verdict) error {
	msg, err := l.letter(it, v)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s:%s:%d:%d", l.route, l.events, it.Sequence, it.Published.UnixNano())
	_, err = l.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(l.dlq))
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("dead-letter %s seq %d: %w by its headers: raise max_payload of the NATS server", l.events, it.Sequence, err)
	case err != nil:
		return fmt.Errorf("dead-letter %s seq %d: %w", l.events, it.Sequence, err)
	}
	return nil
}

// letter is the event as it was, with the reason beside it.
func (l *letters) letter(it *item, v bridge.Verdict) (*nats.Msg, error) {
	event := it.latest()
	msg := nats.NewMsg(bridge.LetterSubject(l.route, it.Subject))
	msg.Data = event.Data
	for name, values := range event.Header {
		// NATS's own headers would act on the letter: the event's id would
		// have the letter of a second route taken for a duplicate.
		if !hasPrefixFold(name, "Nats-") && !hasPrefixFold(name, letterPrefix) {
			msg.Header[name] = values
		}
	}
	for name, value := range map[string]string{
		"Route":        l.route,
		"Subject":      it.Subject,
		"Event-Id":     v.EventID,
		"Type":         v.Type,
		"Reason":       v.Reason.String(),
		"Error":        v.Error,
		"Status":       status(v.Status),
		"Deliveries":   strconv.Itoa(it.Delivery),
		"Sequence":     strconv.FormatUint(it.Sequence, 10),
		"Published-At": it.Published.UTC().Format(time.RFC3339Nano),
		"Failed-At":    time.Now().UTC().Format(time.RFC3339Nano),
	} {
		if value != "" {
			msg.Header.Set(letterPrefix+name, value)
		}
	}
	most := int(l.js.Conn().MaxPayload()) - letterMargin
	if most <= 0 || msg.Size() <= most {
		return msg, nil
	}
	if err := compress(msg); err != nil {
		return nil, err
	}
	if msg.Size() > most && it.expiring() {
		truncate(msg, event.Data, most)
	}
	return msg, nil
}

// letterMargin is room for what publishing adds to a letter: its id and the
// stream it is meant for.
const letterMargin = 512

// truncate makes a letter of an event that does not compress, and that the stream
// is about to take: what fits of it is more than nothing.
func truncate(msg *nats.Msg, body []byte, most int) {
	msg.Data = nil
	msg.Header.Set(letterPrefix+"Body", "truncated")
	if msg.Size() > most { // by what the event brought along
		maps.DeleteFunc(msg.Header, func(name string, _ []string) bool { return !hasPrefixFold(name, letterPrefix) })
	}
	msg.Data = body[:max(0, min(len(body), most-msg.Size()))]
}

// compress makes a letter fit that its headers made larger than the server's
// max_payload.
func compress(msg *nats.Msg) error {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(msg.Data); err != nil {
		return fmt.Errorf("compress dead letter: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compress dead letter: %w", err)
	}
	msg.Data = b.Bytes()
	msg.Header.Set(letterPrefix+"Body", "gzip")
	return nil
}

func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
