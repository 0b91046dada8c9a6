package fleet

import (
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// TestLastMinuteSlides looks back from several moments.
func TestLastMinuteSlides(t *testing.T) {
	var c tally
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 90 {
		at := start.Add(time.Duration(i) * time.Second)
		c.add(bridge.Verdict{Outcome: bridge.Delivered}, at)
		if i%10 == 0 {
			c.add(bridge.Verdict{Outcome: bridge.Retried}, at)
		}
	}
	for _, tt := range []struct {
		after             time.Duration
		delivered, failed uint64
	}{
		{89 * time.Second, 60, 6},
		{90 * time.Second, 59, 5},
		{100 * time.Second, 49, 4},
		{148 * time.Second, 1, 0},
		{149 * time.Second, 0, 0},
		{24 * time.Hour, 0, 0},
	} {
		var r Route
		c.fill(&r, start.Add(tt.after))
		if r.DeliveredLastMinute != tt.delivered || r.FailedLastMinute != tt.failed {
			t.Errorf("after %s: %d delivered and %d failed in the last minute, want %d and %d",
				tt.after, r.DeliveredLastMinute, r.FailedLastMinute, tt.delivered, tt.failed)
		}
		if r.Delivered != 90 || r.Retried != 9 {
			t.Errorf("%d delivered and %d retried altogether", r.Delivered, r.Retried)
		}
	}
}

func TestVersionsAreSemantic(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "0.0.0-dev": "0.0.0-dev", "v1.0.0-rc.1+build.5": "1.0.0-rc.1+build.5",
		"v0.0.0-20261123231638-c21b04789809+dirty": "0.0.0-20261123231638-c21b04789809+dirty",
		"(devel)": "0.0.0+devel", "": "0.0.0", "main": "0.0.0+main", "feature/x y": "0.0.0+feature-x-y", "1.2": "0.0.0+1-2", "1.2.3-01": "0.0.0+1-2-3-01",
		"()": "0.0.0",
	} {
		if got := semantic(version); got != want {
			t.Errorf("%q is %q, want %q", version, got, want)
		}
		if !semver.MatchString(semantic(version)) {
			t.Errorf("%q is not semantic", semantic(version))
		}
	}
}

// BenchmarkSettled is what counting costs for each event.
func BenchmarkSettled(b *testing.B) {
	s := New(Config{Routes: []*bridge.Route{{Name: "payments"}}})
	v := bridge.Verdict{Outcome: bridge.Delivered, Attempts: 1, Duration: time.Second}
	b.ReportAllocs()
	for b.Loop() {
		s.Settled("payments", bridge.Message{}, v)
	}
}
