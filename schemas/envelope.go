package schemas

import (
	"encoding/json"
	"time"
)

const headerRule = "must be 1 to 128 printable ASCII characters without spaces"

// envelope gathers the members of an event and what is wrong with them.
type envelope struct {
	typ, id  string
	sentAt   time.Time
	payload  json.RawMessage
	others   []member
	seen     map[string]bool
	problems []Problem
}

// read takes one member; value is valid JSON.
func (v *envelope) read(name string, value []byte) {
	if v.seen[name] {
		v.duplicate(name)
		return
	}
	v.seen[name] = true
	switch name {
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
		v.others = append(v.others, member{name, value})
	}
}

// check returns all problems, those of members that never came included.
func (v *envelope) check() []Problem {
	for _, name := range [...]string{"type", "event_id", "sent_at", "payload"} {
		if !v.seen[name] {
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
	switch name {
	case "type", "event_id", "sent_at", "payload":
		return true
	}
	return false
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
