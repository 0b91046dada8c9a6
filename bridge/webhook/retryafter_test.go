package webhook

import (
	"testing"
	"time"
)

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "120", "-1", "+5", "1e9", "18446744073709551616", "\x00", "٣",
		"Fri, 31 Dec 1999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "Fri Dec 31 23:59:59 1999",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
	} {
		f.Add(seed, int64(946684799))
	}
	f.Fuzz(func(t *testing.T, value string, now int64) {
		wait := parseRetryAfter(value, time.Unix(now, 0))
		if wait < 0 || wait > time.Hour {
			t.Errorf("Retry-After %q at %d: %v, want 0 to 1 h", value, now, wait)
		}
	})
}
