package config

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"github.com/makebridge/makebridge/subjects"
)

// FuzzLoad gives Load lines of NAME=value. Whatever they are, it returns a
// configuration that can be used or problems that fit on a line each.
func FuzzLoad(f *testing.F) {
	f.Add(strings.Join(on(), "\n"))
	f.Add("NATS_URL=tls://u:p@h:1,h2\nNATS_USER=u\nNATS_PASSWORD=p\nNATS_CONTEXT=c\nHOME=/nonexistent")
	f.Add("BRIDGE_RATE_LIMIT=1/1ms\nBRIDGE_REDELIVERY_DELAYS=1s,2s\nBRIDGE_HOLD_MIN=1s\nBRIDGE_HOLD_MAX=1s\nBRIDGE_HTTP_ADDR=")
	f.Add("MAKE_WEBHOOK_A_B_URL=http://localhost\nMAKE_WEBHOOK_A_B_SUBJECTS=a.*.c,b\nMAKE_WEBHOOK_ADMIN_SUBJECTS=a.b.*")
	f.Add("MAKE_WEBHOOK_PAYMENTS_URL=https://h/\nMAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET=whsec_b25l\nMAKE_WEBHOOK_PAYMENTS_START=2026-01-31T09:00:00+01:00\nMAKE_WEBHOOK_COHORT_ENROLLMENTS_API_KEY=k")
	f.Add("MAKE_WEBHOOK_É_URL=x\nBRIDGE_STREAM=\xff\nBRIDGE_LOG_LEVEL=Debug\nBRIDGE_VALIDATION=off")
	f.Fuzz(func(t *testing.T, lines string) {
		environ := strings.Split(lines, "\n")
		Unknown(environ)
		c, err := Load(environ)
		if err != nil {
			checkProblems(t, err)
			return
		}
		if len(c.Retry.RedeliveryDelays) == 0 || c.Hold.Min <= 0 || c.Hold.Min > c.Hold.Max || c.AckWait <= 0 || len(c.NATS.Servers) == 0 {
			t.Errorf("not usable: %+v", c)
		}
		for _, r := range c.Routes {
			if r.Destination == nil || r.Destination.URL.IsZero() || len(r.Subjects) == 0 || r.Concurrency < 1 || r.Timeout <= 0 {
				t.Errorf("not usable: %+v", r)
			}
		}
		all := c.Subjects()
		for i, a := range all {
			for _, b := range all[:i] {
				if subjects.Overlap(a, b) {
					t.Errorf("no stream can hold %s and %s", a, b)
				}
			}
		}
		if _, err := c.NATS.Options(); err != nil {
			t.Errorf("options: %v", err)
		}
	})
}

// FuzzDotenv has the lines of a file that are not at fault read, whatever the
// others are.
func FuzzDotenv(f *testing.F) {
	f.Add("A=1\nB='two\nlines'\nC\nexport D: \"$A\" # x\r\n")
	f.Add("A=\"x\nB='\\''\n# C=\"\n\v=\v\"\nD")
	f.Fuzz(func(t *testing.T, content string) {
		file, bad := parseDotenv([]byte(content))
		all, err := godotenv.Unmarshal(content + "\n")
		if (err == nil) != (len(bad) == 0) {
			t.Fatalf("lines %v are at fault; the parser says %v", bad, err)
		}
		if err != nil {
			lines := strings.SplitAfter(content+"\n", "\n")
			for _, n := range bad {
				lines[n-1] = ""
			}
			if all, err = godotenv.Unmarshal(strings.Join(lines, "")); err != nil {
				t.Fatalf("lines %v are not all that are at fault: %v", bad, err)
			}
		}
		if !maps.Equal(all, file) {
			t.Errorf("%q, want %q", file, all)
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		t.Fatalf("not problems: %v", err)
	}
	if got := strings.Count(err.Error(), "\n"); got != len(e.Problems) {
		t.Errorf("%d problems on %d lines:\n%v", len(e.Problems), got, err)
	}
}
