package schemas

import "encoding/binary"

// maxNesting is how deep values may be nested, the same as in encoding/json.
const maxNesting = 10_000

// wellFormed reports whether text is one JSON value (RFC 8259). It answers as
// json.Valid does, which takes several times as long; the fuzz tests hold it to
// that.
func wellFormed(text []byte) bool {
	s := scanner{text: text}
	var few [64]byte
	open := few[:0] // the brackets around the present place
	for {
		s.space()
		c := s.peek()
		switch c {
		case '{', '[':
			if len(open) == maxNesting {
				return false
			}
			open = append(open, c)
			s.at++
			s.space()
			if s.peek() != c+2 { // not closed at once: '{'+2 is '}', '['+2 is ']'
				if c == '{' && !s.name() {
					return false
				}
				continue
			}
		default:
			if !s.scalar(c) {
				return false
			}
		}
		for {
			s.space()
			if len(open) == 0 {
				return s.at == len(text)
			}
			in := open[len(open)-1]
			if c := s.peek(); c == in+2 {
				open = open[:len(open)-1]
				s.at++
				continue
			} else if c != ',' {
				return false
			}
			s.at++
			if in == '{' {
				if s.space(); !s.name() {
					return false
				}
			}
			break
		}
	}
}

// scanner walks text that may be anything.
type scanner struct {
	text []byte
	at   int
}

// peek returns the next byte, 0 at the end: no JSON text has that where it
// would matter.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// name consumes a member's name and the colon.
func (s *scanner) name() bool {
	if s.peek() != '"' || !s.string() {
		return false
	}
	s.space()
	colon := s.peek() == ':'
	s.at++
	return colon
}

// scalar consumes a value that is no object and no array and begins with c.
func (s *scanner) scalar(c byte) bool {
	switch c {
	case '"':
		return s.string()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) word(w string) bool {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *scanner) string() bool {
	s.at++
	for s.at < len(s.text) {
		if s.at+8 <= len(s.text) && !special(binary.LittleEndian.Uint64(s.text[s.at:])) {
			s.at += 8
			continue
		}
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return false
		default:
			s.at++
		}
	}
	return false
}

// special reports whether one of eight bytes ends or interrupts a string: a
// quote, a backslash or a control character. It may say so where none does.
func special(w uint64) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote, backslash := w^('"'*ones), w^('\\'*ones)
	return ((w-' '*ones)&^w|(quote-ones)&^quote|(backslash-ones)&^backslash)&highs != 0
}

func (s *scanner) escape() bool {
	s.at++
	c := s.peek()
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			c := s.peek() | 0x20
			if (c < '0' || c > '9' || s.peek() < '0') && (c < 'a' || c > 'f') {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		if s.at++; !s.digits() {
			return false
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

// digits consumes at least one.
func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}
