package bridge

import (
	"math/rand/v2"
	"time"
)

// jitter is how far a delay may stray from its schedule, either way.
const jitter = 0.2

// RetryPolicy says how often and how long a failing event is tried.
type RetryPolicy struct {
	// Attempts is the number of requests within one delivery, at least 1.
	Attempts int
	// Delays are the waits after the first, second, … failed delivery; the last
	// one repeats. There is at least one.
	Delays []time.Duration
	// MaxDeliveries is how many failed deliveries exhaust an event, if the
	// destination is known to work.
	MaxDeliveries int
	// GiveUpAfter is the age at which a failing event expires; 0 is never.
	GiveUpAfter time.Duration
}

// scheduled returns the delay after the n-th failed delivery, n from 1.
func (p RetryPolicy) scheduled(n int) time.Duration {
	return p.Delays[min(max(n, 1), len(p.Delays))-1]
}

// Delay returns the delay after the n-th failed delivery, spread by ±20 % so
// that events that failed together do not come back together.
func (p RetryPolicy) Delay(n int) time.Duration {
	d := float64(p.scheduled(n))
	return time.Duration(d * (1 - jitter + 2*jitter*rand.Float64())) //nolint:gosec // spread, not secrecy
}

// spent reports whether an event of this age that failed for the n-th time has
// had all its deliveries. Restarts raise n too, so the age must agree with it:
// at least the delays that n deliveries had between them, at their shortest.
func (p RetryPolicy) spent(n int, age time.Duration) bool {
	if n < p.MaxDeliveries {
		return false
	}
	var least time.Duration
	for i := 1; i < p.MaxDeliveries; i++ {
		least += shortest(p.scheduled(i))
	}
	return age >= least
}

// sincePreviousFailure returns the latest time at which the delivery before
// the n-th can have failed, seen from now. Evidence that is younger is
// certainly younger than that failure.
func (p RetryPolicy) sincePreviousFailure(n int, now, published time.Time) time.Time {
	if n <= 1 {
		return published
	}
	return now.Add(-shortest(p.scheduled(n - 1)))
}

func shortest(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter))
}
