package subjects_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/makebridge/makebridge/subjects"
)

func TestValid(t *testing.T) {
	for pattern, want := range map[string]string{
		"a":             "literal",
		"a.b.c":         "literal",
		"a-b_c.D.1":     "literal",
		"$JS.API":       "literal",
		"zahlung.größe": "literal",
		"*":             "pattern",
		">":             "pattern",
		"a.*.c":         "pattern",
		"*.*.>":         "pattern",
		"a.>":           "pattern",
		"":              "",
		".":             "",
		"a.":            "",
		".a":            "",
		"a..b":          "",
		">.a":           "",
		"a.>.b":         "",
		"a.b*":          "",
		"a.**":          "",
		"a>":            "",
		"a b":           "",
		"a.\t":          "",
		"a\n":           "",
		"a.\u00a0":      "",
		"a\x00":         "",
		"a\x7f":         "",
		"a\xff":         "",
	} {
		got := ""
		switch {
		case subjects.ValidLiteral(pattern):
			got = "literal"
		case subjects.Valid(pattern):
			got = "pattern"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", pattern, got, want)
		}
	}
}

func TestLiteralsAreValid(t *testing.T) {
	for _, s := range sequences([]string{"a", "*", ">", "", "b c"}, 3) {
		if subjects.ValidLiteral(s) && !subjects.Valid(s) {
			t.Errorf("%q is a literal and not valid", s)
		}
		if subjects.Valid(s) && !server.IsValidSubject(s) {
			t.Errorf("%q is valid, and not for the server", s)
		}
	}
}

func TestForEvents(t *testing.T) {
	for subject, want := range map[string]bool{
		"payments.success": true, "redeliver.payments.payments.success": true, "dlq": true, "dlqs.a": true, "receipt": true, "a.$b": true,
		"dlq.payments.payments.success": false, "receipt.payments.delivered.00": false, "$JS.API.INFO": false, "$": false,
	} {
		if got := subjects.ForEvents(subject); got != want {
			t.Errorf("%s: %t", subject, got)
		}
	}
}

// sequences returns all subjects of one to length tokens of an alphabet.
func sequences(alphabet []string, length int) []string {
	all := slices.Clone(alphabet)
	for last := all; length > 1; length-- {
		var longer []string
		for _, s := range last {
			for _, token := range alphabet {
				longer = append(longer, s+"."+token)
			}
		}
		all = append(all, longer...)
		last = longer
	}
	return all
}

// matches says by the definition of the wildcards, token by token, whether a
// subject without wildcards is matched.
func matches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	if p[len(p)-1] == ">" {
		if len(s) < len(p) {
			return false
		}
		p = p[:len(p)-1]
		s = s[:len(p)]
	}
	return slices.EqualFunc(p, s, func(x, y string) bool { return x == "*" || x == y })
}

// TestAlgebraAgainstEnumeration compares every pair of patterns over a small
// alphabet with what they match: subjects longer by one token than any pattern,
// with one letter that no pattern has, are enough to tell patterns apart.
func TestAlgebraAgainstEnumeration(t *testing.T) {
	literals := sequences([]string{"a", "b", "z"}, 4)
	patterns := slices.DeleteFunc(sequences([]string{"a", "b", "*", ">"}, 3), func(s string) bool { return !subjects.Valid(s) })
	matched := map[string][]bool{}
	for _, p := range patterns {
		for _, l := range literals {
			matched[p] = append(matched[p], matches(p, l))
		}
	}
	for _, a := range patterns {
		for _, b := range patterns {
			covers, covered, overlap := true, true, false
			for i := range literals {
				inA, inB := matched[a][i], matched[b][i]
				covers = covers && (inA || !inB)
				covered = covered && (inB || !inA)
				overlap = overlap || inA && inB
			}
			if got := subjects.Covers(a, b); got != covers {
				t.Errorf("Covers(%s, %s) = %t", a, b, got)
			}
			if got := subjects.Overlap(a, b); got != overlap {
				t.Errorf("Overlap(%s, %s) = %t", a, b, got)
			}
			if got := subjects.Crossing(a, b); got != (overlap && !covers && !covered) {
				t.Errorf("Crossing(%s, %s) = %t", a, b, got)
			}
			sameAsServer(t, a, b)
		}
	}
}

func sameAsServer(t *testing.T, a, b string) {
	t.Helper()
	if got, want := subjects.Overlap(a, b), server.SubjectsCollide(a, b); got != want {
		t.Errorf("Overlap(%s, %s) = %t, the server says %t", a, b, got, want)
	}
	if got, want := subjects.Covers(a, b), server.SubjectMatchesFilter(b, a); got != want {
		t.Errorf("Covers(%s, %s) = %t, the server says %t", a, b, got, want)
	}
}

func TestMinimal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"a.b", "a.b"},
		{"a.b a.b", "a.b"},
		{"a.b b a.>", "b a.>"},
		{"a.b b a.b", "a.b b"},
		{"a.* a.> *.*", "a.> *.*"},
		{"c.> a b c.d >", ">"},
		{"a.*.c a.b.*", "a.*.c a.b.*"},
		{"payments.> redeliver.> cohorts.enrollment.> cohorts.>", "payments.> redeliver.> cohorts.>"},
	} {
		in := strings.Fields(c.in)
		if diff := cmp.Diff(strings.Fields(c.want), append([]string{}, subjects.Minimal(in)...)); diff != "" {
			t.Errorf("Minimal(%s) (-want +got):\n%s", c.in, diff)
		}
		if got := strings.Join(in, " "); got != c.in {
			t.Errorf("Minimal changed %s to %s", c.in, got)
		}
	}
}

func FuzzAlgebra(f *testing.F) {
	for _, pair := range [][2]string{{"a.*.c", "a.b.*"}, {"a.>", "a"}, {">", "*"}, {"a.*", "a.>"}, {"", "."}, {"a b", "ä.>"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		covers, covered, overlap := subjects.Covers(a, b), subjects.Covers(b, a), subjects.Overlap(a, b)
		if overlap != subjects.Overlap(b, a) {
			t.Errorf("Overlap(%q, %q) depends on the order", a, b)
		}
		if !subjects.Valid(a) || !subjects.Valid(b) {
			return
		}
		sameAsServer(t, a, b)
		if (covers || covered) && !overlap {
			t.Errorf("%q and %q cover and do not overlap", a, b)
		}
		if covers && covered && a != b {
			t.Errorf("%q and %q cover each other", a, b)
		}
		if !subjects.Covers(a, a) || subjects.Crossing(a, a) {
			t.Errorf("%q does not cover itself", a)
		}
		if least := subjects.Minimal([]string{a, b, a}); (len(least) == 2) != (!covers && !covered) {
			t.Errorf("Minimal(%q, %q) = %q", a, b, least)
		}
	})
}

func BenchmarkOverlap(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		subjects.Overlap("cohorts.enrollment.>", "cohorts.*.created")
	}
}
