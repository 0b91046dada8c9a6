package subjects

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Valid reports whether a pattern can be the filter of a stream or a consumer:
// tokens between dots, none of them empty; "*" stands for one token and ">",
// at the end, for one or more, each as a whole token only; no spaces and no
// control characters.
func Valid(pattern string) bool {
	if !utf8.ValidString(pattern) || strings.IndexFunc(pattern, spaceOrControl) >= 0 {
		return false
	}
	for rest, more := pattern, true; more; {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		switch {
		case token == "":
			return false
		case token == ">":
			return !more
		case token != "*" && strings.ContainsAny(token, "*>"):
			return false
		}
	}
	return true
}

// ValidLiteral reports whether a subject can be published on: Valid, and
// without wildcards.
func ValidLiteral(subject string) bool {
	return Valid(subject) && !strings.ContainsAny(subject, "*>")
}

// ForEvents reports whether an event may be published on a subject that is
// ValidLiteral: it is neither NATS's own ($…) nor one that the bridge keeps dead
// letters (dlq.>) or receipts (receipt.>) on. It does not say that a stream or a
// route takes the subject.
func ForEvents(subject string) bool {
	return !strings.HasPrefix(subject, "$") && !Covers("dlq.>", subject) && !Covers("receipt.>", subject)
}

func spaceOrControl(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// Covers reports whether every subject that sub matches is matched by pattern.
// Both may have wildcards and must be Valid.
func Covers(pattern, sub string) bool {
	for pMore, sMore := true, true; pMore || sMore; {
		if !pMore || !sMore {
			return false
		}
		var p, s string
		p, pattern, pMore = strings.Cut(pattern, ".")
		s, sub, sMore = strings.Cut(sub, ".")
		switch {
		case p == ">":
			return true
		case s == ">", p != "*" && p != s:
			return false
		}
	}
	return true
}

// Overlap reports whether some subject is matched by both patterns. Both must
// be Valid.
func Overlap(a, b string) bool {
	for aMore, bMore := true, true; aMore || bMore; {
		if !aMore || !bMore {
			return false
		}
		var x, y string
		x, a, aMore = strings.Cut(a, ".")
		y, b, bMore = strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != "*" && y != "*" && x != y:
			return false
		}
	}
	return true
}

// Crossing reports whether two patterns overlap and neither covers the other,
// as a.*.c and a.b.* do. No stream and no consumer can have both.
func Crossing(a, b string) bool {
	return Overlap(a, b) && !Covers(a, b) && !Covers(b, a)
}

// Minimal returns the patterns that no other one covers, each once, in the
// order in which they came: together they match what all of them match.
func Minimal(patterns []string) []string {
	var kept []string
	for i, p := range patterns {
		if !coveredByAnother(patterns, i) {
			kept = append(kept, p)
		}
	}
	return kept
}

// coveredByAnother keeps the first of equal patterns.
func coveredByAnother(patterns []string, i int) bool {
	for j, other := range patterns {
		if j != i && Covers(other, patterns[i]) && (other != patterns[i] || j < i) {
			return true
		}
	}
	return false
}
