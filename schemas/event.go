package schemas

import (
	"encoding/json"
	"fmt"
	"sync"
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
// it is encoded. An Event must not be copied or changed once it is in use; it
// may then be read from several goroutines.
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

	once      sync.Once
	tree      map[string]any
	duplicate []string
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
	case !json.Valid(data):
		return invalid("", "is not JSON")
	}
	r := reader{text: data}
	r.space()
	if data[r.at] != '{' {
		return invalid("", "must be object")
	}
	env := envelope{seen: map[string]bool{}}
	r.object(func(name string) { env.read(name, r.raw()) })
	if problems := env.check(); len(problems) > 0 {
		return &InvalidError{Problems: problems}
	}
	e.Type, e.ID, e.SentAt, e.Payload = env.typ, env.id, env.sentAt, env.payload
	e.others = env.others
	e.once, e.tree, e.duplicate = sync.Once{}, nil, nil
	return nil
}

// Text returns the string at a path of member names in the payload, such as
// Text("sender", "id"). It reports false where there is none, or something that
// is not a string.
func (e *Event) Text(path ...string) (string, bool) {
	var at any = e.members()
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return "", false
		}
		at = object[name]
	}
	text, ok := at.(string)
	return text, ok
}

// members returns the payload as a tree, which is built once; nil if the
// payload is not an object.
func (e *Event) members() map[string]any {
	e.once.Do(func() {
		// Again, though Decode has looked: the event may be made by hand.
		if !json.Valid(e.Payload) {
			return
		}
		t := tree{reader: reader{text: e.Payload}}
		t.space()
		if e.Payload[t.at] == '{' {
			e.tree = t.members()
			e.duplicate = t.duplicate
		}
	})
	return e.tree
}
