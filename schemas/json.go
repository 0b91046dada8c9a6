package schemas

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// reader walks JSON text that json.Valid has accepted, so it meets no errors
// and no nesting deeper than 10,000. It is here because encoding/json hides
// members of one name and matches names whatever their case.
type reader struct {
	text []byte
	at   int
}

// object calls member at each member's value, which member must consume.
func (r *reader) object(member func(name string)) {
	r.at++
	for r.space(); r.text[r.at] != '}'; r.space() {
		if r.text[r.at] == ',' {
			r.at++
			r.space()
		}
		name := r.string()
		r.space()
		r.at++ // the colon
		r.space()
		member(name)
	}
	r.at++
}

// array calls element at each element, which element must consume.
func (r *reader) array(element func()) {
	r.at++
	for r.space(); r.text[r.at] != ']'; r.space() {
		if r.text[r.at] == ',' {
			r.at++
			r.space()
		}
		element()
	}
	r.at++
}

func (r *reader) string() string {
	start := r.at
	r.skipString()
	quoted := r.text[start:r.at]
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // a valid string: see reader
	return s
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
			r.literal()
		}
		if depth == 0 {
			break
		}
	}
	return r.text[start:r.at:r.at]
}

func (r *reader) skipString() {
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			r.at++
		}
	}
	r.at++
}

// literal consumes a number, true, false or null.
func (r *reader) literal() string {
	start := r.at
	for r.at < len(r.text) && strings.IndexByte(",]} \t\n\r", r.text[r.at]) < 0 {
		r.at++
	}
	return string(r.text[start:r.at])
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
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

func (t *tree) value() any {
	switch t.text[t.at] {
	case '{':
		return t.members()
	case '[':
		list := []any{}
		t.array(func() {
			t.path = append(t.path, strconv.Itoa(len(list)))
			list = append(list, t.value())
			t.path = t.path[:len(t.path)-1]
		})
		return list
	case '"':
		return t.string()
	}
	switch lit := t.literal(); lit {
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
	t.object(func(name string) {
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
