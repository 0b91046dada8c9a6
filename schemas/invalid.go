package schemas

import (
	"fmt"
	"strings"
)

const (
	maxErrorLine = 256
	maxProblems  = 16
)

// InvalidError says why an event is invalid. It names places and rules and
// never a value of the event, nor a member name that only the event knows, so
// that it can be logged and stored where payloads must not be.
type InvalidError struct {
	// Problems are what is wrong, at most 16, ordered by place.
	Problems []Problem
}

// Problem is one broken rule.
type Problem struct {
	// Pointer is the place, a JSON Pointer (RFC 6901) into the event; it is
	// empty for the event as a whole.
	Pointer string
	// Rule is what the place breaks, such as "must be integer".
	Rule string
}

// Error returns the problems in one printable line of at most 256 bytes; what
// does not fit is counted.
func (e *InvalidError) Error() string {
	var line strings.Builder
	for i, p := range e.Problems {
		text := p.String()
		if i > 0 {
			text = "; " + text
		}
		tail := ""
		if left := len(e.Problems) - i - 1; left > 0 {
			tail = fmt.Sprintf("; and %d more", left)
		}
		if line.Len()+len(text)+len(tail) > maxErrorLine {
			if i == 0 {
				return text[:maxErrorLine]
			}
			fmt.Fprintf(&line, "; and %d more", len(e.Problems)-i)
			break
		}
		line.WriteString(text)
	}
	return line.String()
}

// String returns the place and the rule.
func (p Problem) String() string {
	if p.Pointer == "" {
		return p.Rule
	}
	return p.Pointer + ": " + p.Rule
}

func invalid(pointer, rule string) *InvalidError {
	return &InvalidError{Problems: []Problem{{pointer, rule}}}
}

// pointer writes a path as a JSON Pointer.
func pointer(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}
