package schemas

import (
	"encoding/json"
	"slices"
	"time"
)

const headerRule = "must be 1 to 128 printable ASCII characters without spaces"

// envelope gathers the members of an event and what is wrong with them.
type envelope struct {
	typ, id  string
	sentAt   time.Time
	payload  json.RawMessage
	others   []member
	seen     [4]bool         // of the members that every envelope has
	names    map[string]bool // of the others
	problems []Problem
}

// read takes one member; value is valid JSON.
func (v *envelope) read(name, value []byte) {
	if !v.first(name) {
		v.duplicate(string(name))
		return
	}
	switch string(name) {
	case "type":
		v.typ = v.header("/type", value)
	case "event_id":
		v.id = v.header("/event_id", value)
	case "sent_at":
		v.sentAt = v.time("/sent_at", value)
	case "payload":
		v.payload = value
		if value[0] != '{' {
			v.problem("/payload", "must be object")
		}
	default:
		v.others = append(v.others, member{string(name), value})
	}
}

// first reports whether a name comes for the first time.
func (v *envelope) first(name []byte) bool {
	for i, of := range envelopeMembers() {
		if string(name) == of {
			first := !v.seen[i]
			v.seen[i] = true
			return first
		}
	}
	if v.names[string(name)] {
		return false
	}
	if v.names == nil {
		v.names = map[string]bool{}
	}
	v.names[string(name)] = true
	return true
}

// envelopeMembers are the members that every envelope has.
func envelopeMembers() [4]string { return [...]string{"type", "event_id", "sent_at", "payload"} }

// check returns all problems, those of members that never came included.
func (v *envelope) check() []Problem {
	for i, name := range envelopeMembers() {
		if !v.seen[i] {
			v.problem("", `missing "`+name+`"`)
		}
	}
	return settle(v.problems)
}

func (v *envelope) header(pointer string, value []byte) string {
	s, ok := v.text(pointer, value)
	if ok && !validHeader(s) {
		v.problem(pointer, headerRule)
	}
	return s
}

func (v *envelope) time(pointer string, value []byte) time.Time {
	s, ok := v.text(pointer, value)
	if !ok {
		return time.Time{}
	}
	t, ok := parseTime(s)
	if !ok {
		v.problem(pointer, formatRule("date-time"))
	}
	return t
}

func (v *envelope) text(pointer string, value []byte) (string, bool) {
	if value[0] != '"' {
		v.problem(pointer, "must be string")
		return "", false
	}
	r := reader{text: value}
	return r.string(), true
}

func (v *envelope) duplicate(name string) {
	if isEnvelope(name) {
		v.problem(pointer(name), "is given twice")
	} else {
		v.problem("", "a member is given twice")
	}
}

func (v *envelope) problem(pointer, rule string) {
	v.problems = append(v.problems, Problem{pointer, rule})
}

func isEnvelope(name string) bool {
	members := envelopeMembers()
	return slices.Contains(members[:], name)
}

func validHeader(s string) bool {
	if s == "" || len(s) > maxHeader {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
