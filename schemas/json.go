package schemas

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// reader walks JSON text that wellFormed has accepted, so it meets no errors
// and no nesting deeper than 10,000. It is here because encoding/json hides
// members of one name and matches names whatever their case.
type reader struct {
	text []byte
	at   int
}

// object calls member with the name of each member at its value, which member
// must consume. The name is only valid during the call.
func (r *reader) object(member func(name []byte)) {
	for r.at++; r.member(); {
		name := r.unquoted()
		r.colon()
		member(name)
	}
}

// member goes to the next member's name, and past the end of the object where
// there is none.
func (r *reader) member() bool { return r.next('}') }

// element goes to the next element, and past the end of the array where there
// is none.
func (r *reader) element() bool { return r.next(']') }

func (r *reader) next(end byte) bool {
	r.space()
	switch r.text[r.at] {
	case end:
		r.at++
		return false
	case ',':
		r.at++
		r.space()
	}
	return true
}

// colon goes from the end of a name to the value.
func (r *reader) colon() {
	r.space()
	r.at++
	r.space()
}

func (r *reader) string() string { return string(r.unquoted()) }

// unquoted consumes a string and returns what it stands for.
func (r *reader) unquoted() []byte {
	start := r.at
	text, plain := r.quoted()
	if plain {
		return text
	}
	var s string
	_ = json.Unmarshal(r.text[start:r.at], &s) // a valid string: see reader
	return []byte(s)
}

// quoted consumes a string and returns what is between its quotes. It reports
// whether that is what the string stands for: there is no escape in it.
func (r *reader) quoted() (text []byte, plain bool) {
	start := r.at + 1
	r.skipString()
	text = r.text[start : r.at-1]
	return text, bytes.IndexByte(text, '\\') < 0
}

// raw consumes a value of any kind and returns its text.
func (r *reader) raw() []byte {
	start := r.at
	for depth := 0; r.at < len(r.text); {
		switch r.text[r.at] {
		case '"':
			r.skipString()
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			depth--
			r.at++
		case ',', ':', ' ', '\t', '\n', '\r':
			r.at++
		default:
			r.skipLiteral()
		}
		if depth == 0 {
			break
		}
	}
	return r.text[start:r.at:r.at]
}

// skipString goes to the first quote that an even number of backslashes stands
// before.
func (r *reader) skipString() {
	for start := r.at + 1; ; {
		r.at += 1 + bytes.IndexByte(r.text[r.at+1:], '"')
		end := r.at
		for end > start && r.text[end-1] == '\\' {
			end--
		}
		if (r.at-end)%2 == 0 {
			r.at++
			return
		}
		start = r.at + 1
	}
}

// skipLiteral consumes a number, true, false or null, and returns its text.
func (r *reader) skipLiteral() []byte {
	start := r.at
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return r.text[start:r.at]
		}
		r.at++
	}
	return r.text[start:]
}

func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// tree builds a value of map[string]any, []any, string, int64, float64, bool
// and nil, and remembers the path of the first member whose name its object
// already had.
type tree struct {
	reader

	path      []string
	duplicate []string
}

func newTree(text []byte) *tree {
	t := &tree{reader: reader{text: text}}
	t.space()
	return t
}

func (t *tree) value() any {
	switch t.text[t.at] {
	case '{':
		return t.members()
	case '[':
		list := []any{}
		for t.at++; t.element(); {
			t.path = append(t.path, strconv.Itoa(len(list)))
			list = append(list, t.value())
			t.path = t.path[:len(t.path)-1]
		}
		return list
	case '"':
		return t.string()
	}
	switch lit := string(t.skipLiteral()); lit {
	case "true", "false":
		return lit == "true"
	case "null":
		return nil
	default:
		return number(lit)
	}
}

func (t *tree) members() map[string]any {
	object := map[string]any{}
	t.object(func(key []byte) {
		name := string(key)
		t.path = append(t.path, name)
		if _, ok := object[name]; ok && t.duplicate == nil {
			t.duplicate = slices.Clone(t.path)
		}
		object[name] = t.value()
		t.path = t.path[:len(t.path)-1]
	})
	return object
}

// number keeps numbers small whatever they look like: exact where they are
// integers of 64 bits, else as near as a float64 comes, as in JavaScript. An
// exponent of a million must not become as many digits in memory.
func number(literal string) any {
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(literal, 64) // out of range is infinite
	return max(-math.MaxFloat64, min(f, math.MaxFloat64))
}
