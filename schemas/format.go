package schemas

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var errFormat = errors.New("not of the format")

// formats replace the schema library's own checkers, which let "T+1:00:00Z"
// and "@example.com" pass and refuse internationalized addresses.
func formats() []*jsonschema.Format {
	check := func(name string, valid func(string) bool) *jsonschema.Format {
		return &jsonschema.Format{Name: name, Validate: func(v any) error {
			if s, ok := v.(string); ok && !valid(s) {
				return errFormat
			}
			return nil
		}}
	}
	return []*jsonschema.Format{
		check("date-time", func(s string) bool { _, ok := parseTime(s); return ok }),
		check("email", validEmail),
	}
}

// formatRule words the breach of a format.
func formatRule(name string) string {
	switch name {
	case "date-time":
		return "is not an RFC 3339 date-time"
	case "email":
		return "is not an email address"
	}
	return "is not of format " + name
}

// parseTime reads RFC 3339 §5.6 whole and nothing else: package time refuses
// lower case letters and leap seconds, and lets "T9:00:00Z", a comma before the
// fraction and offsets of 24 hours pass. A leap second is read as the first
// instant after it.
func parseTime(s string) (time.Time, bool) {
	s = strings.ToUpper(s)
	if !shapedAsTime(s) {
		return time.Time{}, false
	}
	const seconds = len("2006-01-02T15:04:")
	leap := s[seconds:seconds+2] == "60"
	if leap {
		s = s[:seconds] + "59" + s[seconds+2:]
	}
	// In UTC, for the local zone is looked up otherwise, which takes longer.
	t, err := time.ParseInLocation(time.RFC3339, s, time.UTC)
	if err != nil {
		return time.Time{}, false
	}
	if !leap {
		return t, true
	}
	if u := t.UTC(); u.Hour() != 23 || u.Minute() != 59 {
		return time.Time{}, false
	}
	return t.Truncate(time.Second).Add(time.Second), true
}

// shapedAsTime checks the grammar of RFC 3339 and the ranges of an offset; the
// other ranges are left to package time.
func shapedAsTime(s string) bool {
	const date = "0000-00-00T00:00:00"
	if len(s) < len(date) || !shaped(s[:len(date)], date) {
		return false
	}
	zone := s[len(date):]
	if fraction, ok := strings.CutPrefix(zone, "."); ok {
		zone = strings.TrimLeft(fraction, "0123456789")
		if zone == fraction {
			return false
		}
	}
	return zone == "Z" ||
		(shaped(zone, "+00:00") || shaped(zone, "-00:00")) && zone[1:3] <= "23" && zone[4:6] <= "59"
}

// shaped compares s with a template in which 0 stands for any digit.
func shaped(s, template string) bool {
	if len(s) != len(template) {
		return false
	}
	for i := range len(s) {
		if template[i] == '0' && (s[i] < '0' || s[i] > '9') || template[i] != '0' && s[i] != template[i] {
			return false
		}
	}
	return true
}

// validEmail reports whether s has the form of a mailbox: RFC 5321 §4.1.2, with
// the non-ASCII letters of RFC 6531. Whether it exists is for mail to find out.
func validEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || !utf8.ValidString(s) {
		return false
	}
	local, domain := s[:at], s[at+1:]
	return (validDotAtom(local) || validQuoted(local)) && (validDomain(domain) || validLiteral(domain))
}

func validDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.IndexFunc(atom, notAtomText) >= 0 {
			return false
		}
	}
	return true
}

func notAtomText(r rune) bool {
	return !letterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func validQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	return strings.IndexFunc(s[1:len(s)-1], func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '"' || r == '\\'
	}) < 0
}

func validDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.IndexFunc(label, func(r rune) bool { return r != '-' && !letterOrDigit(r) }) >= 0 {
			return false
		}
	}
	return true
}

// validLiteral accepts an address literal such as [192.0.2.1] by its form.
func validLiteral(s string) bool {
	return len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' &&
		strings.IndexFunc(s[1:len(s)-1], func(r rune) bool {
			return r != '.' && r != ':' && (r > 0x7f || !letterOrDigit(r))
		}) < 0
}

// letterOrDigit accepts every character outside ASCII that can be seen.
func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r >= 0xa1
}
