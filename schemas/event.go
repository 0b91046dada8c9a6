package schemas

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// MaxBody is the size in bytes of the largest event: what a make.com webhook
// takes, 5 MiB.
const MaxBody = 5 << 20

// maxHeader is the length in bytes of the longest type or event_id: both travel
// in HTTP headers.
const maxHeader = 128

// Event is an event with its envelope read and its payload as it came. Decode,
// New and Wrap make events; one that was put together by hand is checked when
// it is encoded. An Event that nobody changes may be read from
// several goroutines.
type Event struct {
	// Type says what happened and what the payload holds.
	Type string
	// ID is unique to the event and the same however often it is sent.
	ID string
	// SentAt is when the event was sent.
	SentAt time.Time
	// Payload is the payload's JSON, an object.
	Payload json.RawMessage

	others []member
	read   []byte // the payload that Decode has read
}

// member is a member of the envelope that this package does not know.
type member struct {
	name  string
	value json.RawMessage
}

// Decode reads an event and checks its envelope, the payload only as far as
// that it is a JSON object; Validate checks the rest. The event refers to data,
// which must not change afterwards. The error is an *InvalidError.
func Decode(data []byte) (*Event, error) {
	e := new(Event)
	if err := e.decode(data); err != nil {
		return nil, err
	}
	return e, nil
}

// UnmarshalJSON reads an event as Decode does, from a copy of data.
func (e *Event) UnmarshalJSON(data []byte) error {
	return e.decode(append([]byte(nil), data...))
}

func (e *Event) decode(data []byte) error {
	switch {
	case len(data) > MaxBody:
		return invalid("", fmt.Sprintf("is larger than %d bytes", MaxBody))
	case !utf8.Valid(data):
		return invalid("", "is not UTF-8")
	case !wellFormed(data):
		return invalid("", "is not JSON")
	}
	r := reader{text: data}
	r.space()
	if data[r.at] != '{' {
		return invalid("", "must be object")
	}
	var env envelope
	r.object(func(name []byte) { env.read(name, r.raw()) })
	if problems := env.check(); len(problems) > 0 {
		return &InvalidError{Problems: problems}
	}
	e.Type, e.ID, e.SentAt, e.Payload = env.typ, env.id, env.sentAt, env.payload
	e.others, e.read = env.others, env.payload
	return nil
}

// Identity returns the type and the id that data gives its event, whatever else is
// wrong with it; each is empty where it is missing or not valid by itself.
func Identity(data []byte) (typ, id string) {
	var said struct {
		Type json.RawMessage `json:"type"`
		ID   json.RawMessage `json:"event_id"`
	}
	if json.Unmarshal(data, &said) != nil {
		return "", ""
	}
	valid := func(raw json.RawMessage) (text string) {
		if json.Unmarshal(raw, &text) != nil || !validHeader(text) {
			return ""
		}
		return text
	}
	return valid(said.Type), valid(said.ID)
}

// Text returns the string at a path of member names in the payload, such as
// Text("sender", "id"). It reports false where there is none, or something that
// is not a string. Of several members with one name the last counts.
func (e *Event) Text(path ...string) (string, bool) {
	if !e.sound() {
		return "", false
	}
	r := reader{text: e.Payload}
	r.space()
	return r.find(path)
}

// find looks for a string within the value at the reader.
func (r *reader) find(path []string) (text string, found bool) {
	switch c := r.text[r.at]; {
	case len(path) == 0 && c == '"':
		return r.string(), true
	case len(path) > 0 && c == '{':
		r.object(func(name []byte) {
			value := reader{text: r.raw()}
			if string(name) == path[0] {
				text, found = value.find(path[1:])
			}
		})
	}
	return text, found
}

// sound reports whether the payload is JSON. Of what Decode has read that is
// known; an event that was made by hand may hold anything.
func (e *Event) sound() bool {
	read := len(e.Payload) > 0 && len(e.Payload) == len(e.read) && &e.Payload[0] == &e.read[0]
	return read || wellFormed(e.Payload)
}
