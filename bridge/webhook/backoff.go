package webhook

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after the n-th request, from 0: between
// shortest·2ⁿ and twice that, evenly spread so that events which failed
// together do not return together. It is never below shortest nor above
// longest; once that is reached, the wait is spread over its upper half.
func backoff(shortest, longest time.Duration, n int) time.Duration {
	high := shortest
	for i := 0; i <= n && high < longest; i++ {
		high = min(2*high, longest)
	}
	if high <= shortest {
		return high
	}
	low := max(shortest, high/2)
	return low + rand.N(high-low+1) //nolint:gosec // jitter keeps no secret
}
