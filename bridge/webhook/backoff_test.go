package webhook

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		shortest, longest time.Duration
		n                 int
		low, high         time.Duration
	}{
		{500 * ms, 10_000 * ms, 0, 500 * ms, 1000 * ms},
		{500 * ms, 10_000 * ms, 1, 1000 * ms, 2000 * ms},
		{500 * ms, 10_000 * ms, 3, 4000 * ms, 8000 * ms},
		{500 * ms, 10_000 * ms, 4, 5000 * ms, 10_000 * ms},
		{500 * ms, 10_000 * ms, 1 << 40, 5000 * ms, 10_000 * ms},
		{500 * ms, 600 * ms, 0, 500 * ms, 600 * ms},
		{500 * ms, 500 * ms, 5, 500 * ms, 500 * ms},
		{0, 10_000 * ms, 5, 0, 0},
		{0, 0, 5, 0, 0},
		{1, 1 << 62, 100, 1 << 61, 1 << 62},
	} {
		least, most := time.Duration(1<<62), time.Duration(0)
		for range 1000 {
			wait := backoff(row.shortest, row.longest, row.n)
			least, most = min(least, wait), max(most, wait)
		}
		if least < row.low || most > row.high {
			t.Errorf("backoff(%v, %v, %d) gave %v to %v, want within %v to %v",
				row.shortest, row.longest, row.n, least, most, row.low, row.high)
		}
		// A thousand draws that all miss a quarter of the range are no jitter.
		if quarter := (row.high - row.low) / 4; least > row.low+quarter || most < row.high-quarter {
			t.Errorf("backoff(%v, %v, %d) gave only %v to %v of %v to %v",
				row.shortest, row.longest, row.n, least, most, row.low, row.high)
		}
	}
}
