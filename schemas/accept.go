package schemas

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// accepts reports whether the value at the reader is certainly what the rule
// asks for, and consumes it. Where it is in doubt it says no.
func (r *rule) accepts(text []byte) bool {
	at := reader{text: text}
	at.space()
	return r.check(r, &at, 0)
}

// object checks the members that the rule describes; others may be anything.
// No name may come twice.
func (r *rule) object(at *reader, depth int) bool {
	if at.text[at.at] != '{' || depth > mostNesting {
		return false
	}
	var seen uint64
	var few [mostMembers][]byte
	others := few[:0]
	for at.at++; at.member(); {
		name, plain := at.quoted()
		if !plain {
			return false
		}
		at.colon()
		i := r.index(name)
		switch {
		case i < 0:
			if len(others) == mostMembers || contains(others, name) || !at.anything(depth) {
				return false
			}
			others = append(others, name)
		case seen&(1<<i) != 0 || !r.members[i].rule.check(r.members[i].rule, at, depth+1):
			return false
		default:
			seen |= 1 << i
		}
	}
	return seen&r.required == r.required
}

// index returns the place of a member among those that the rule describes.
func (r *rule) index(name []byte) int {
	for i := range r.members {
		if r.members[i].name == string(name) {
			return i
		}
	}
	return -1
}

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

func (r *rule) string(at *reader, _ int) bool {
	if at.text[at.at] != '"' {
		return false
	}
	text, plain := at.quoted()
	switch {
	case !plain:
		// What the escapes stand for is at least one character.
		return r.minLength <= 1 && r.enum == nil && r.pattern == nil && r.format == nil
	case r.minLength > 0 && utf8.RuneCount(text) < r.minLength:
		return false
	case r.enum != nil && !slices.Contains(r.enum, string(text)):
		return false
	case r.pattern != nil && !r.pattern.Match(text):
		return false
	}
	return r.format == nil || r.format(string(text))
}

// integer accepts plain digits, as many as 64 bits hold whatever they are.
func (r *rule) integer(at *reader, _ int) bool {
	digits := at.skipLiteral()
	if len(digits) > 18 {
		return false
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int64(c-'0')
	}
	return len(digits) > 0 && r.minimum <= n && n <= r.maximum
}

// anything consumes a value of which only the names of members matter.
func (r *reader) anything(depth int) bool {
	switch r.text[r.at] {
	case '{':
		return (&rule{}).object(r, depth+1)
	case '[':
		if depth >= mostNesting {
			return false
		}
		for r.at++; r.element(); {
			if !r.anything(depth + 1) {
				return false
			}
		}
		return true
	case '"':
		r.skipString()
	default:
		r.skipLiteral()
	}
	return true
}
