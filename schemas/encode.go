package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Option sets what New and Wrap would choose by themselves.
type Option func(*Event) error

// WithID sets the event's id instead of a new UUIDv7.
func WithID(id string) Option {
	return func(e *Event) error {
		e.ID = id
		return nil
	}
}

// WithSentAt sets when the event was sent instead of now.
func WithSentAt(t time.Time) Option {
	return func(e *Event) error {
		e.SentAt = t
		return nil
	}
}

// WithMember adds a member to the envelope, beside the four that every event
// has. New and Wrap return an error if the value cannot be marshalled or the
// name is taken.
func WithMember(name string, value any) Option {
	return func(e *Event) error {
		data, err := marshal(value)
		if err != nil {
			return fmt.Errorf("marshal envelope member %q: %w", name, err)
		}
		e.others = append(e.others, member{name, data})
		return nil
	}
}

// New makes the event that carries a payload, with a new UUIDv7 as its id and
// the present time, to the millisecond. The event it returns is valid; the
// error is an *InvalidError if the payload breaks its schema.
func New(payload Payload, opts ...Option) (*Event, error) {
	data, err := marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("marshal payload of %s: %w", payload.EventType(), err)
	}
	return Wrap(payload.EventType(), data, opts...)
}

// Wrap makes an event of a payload that is JSON already; it is New otherwise.
func Wrap(typ string, payload []byte, opts ...Option) (*Event, error) {
	e := &Event{Type: typ, Payload: payload, SentAt: time.Now().UTC().Truncate(time.Millisecond)}
	for _, opt := range opts {
		if err := opt(e); err != nil {
			return nil, err
		}
	}
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make an event id: %w", err)
		}
		e.ID = id.String()
	}
	data, err := e.Encode()
	if err != nil {
		return nil, err
	}
	whole, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if err := whole.Validate(); err != nil {
		return nil, err
	}
	return whole, nil
}

// Encode returns the event as it travels: type, event_id, sent_at, payload,
// then what other members it has. What Encode returns Decode accepts; for an
// event with a wrong envelope it returns an *InvalidError.
func (e *Event) Encode() ([]byte, error) {
	if !json.Valid(e.Payload) {
		return nil, invalid("/payload", "must be object")
	}
	members := append([]member{
		{"type", quote(e.Type)},
		{"event_id", quote(e.ID)},
		{"sent_at", quote(e.SentAt.Format(time.RFC3339Nano))},
		{"payload", e.Payload},
	}, e.others...)
	var b bytes.Buffer
	for i, m := range members {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(quote(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	if _, err := Decode(b.Bytes()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// MarshalJSON is Encode.
func (e *Event) MarshalJSON() ([]byte, error) { return e.Encode() }

// marshal leaves <, > and & as they are: no HTML is made of events.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func quote(s string) []byte {
	b, _ := marshal(s) // a string always marshals
	return b
}
