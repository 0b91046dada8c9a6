package fleet

import (
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// minute is how many seconds are looked back on.
const minute = 60

// tally counts what became of the events of one route.
type tally struct {
	mu sync.Mutex

	delivered, filtered, retried, deadLettered uint64

	posted    uint64 // events that were POSTed, and for how long
	duration  time.Duration
	lastError string

	seconds [minute]second
}

// second is what happened in one second, which its number tells from the same
// second of another minute.
type second struct {
	number            int64
	delivered, failed uint32
}

// add counts one event that was settled now.
func (t *tally) add(v bridge.Verdict, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.seconds[now.Unix()%minute]
	if s.number != now.Unix() {
		*s = second{number: now.Unix()}
	}
	switch v.Outcome {
	case bridge.Delivered:
		t.delivered++
		s.delivered++
	case bridge.Filtered:
		t.filtered++
	case bridge.Retried:
		t.retried++
		s.failed++
	case bridge.DeadLettered:
		t.deadLettered++
		s.failed++
	case bridge.HandedBack: // nothing became of it
		return
	}
	if v.Attempts > 0 {
		t.posted++
		t.duration += v.Duration
	}
	// A rejection's error holds what the webhook answered, which may repeat the
	// payload.
	if v.Outcome != bridge.Delivered && v.Error != "" && v.Reason != bridge.Rejected {
		t.lastError = v.Error
	}
}

// fill writes the counts into a route.
func (t *tally) fill(r *Route, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Delivered, r.Filtered, r.Retried, r.DeadLettered = t.delivered, t.filtered, t.retried, t.deadLettered
	for _, s := range t.seconds {
		if age := now.Unix() - s.number; age >= 0 && age < minute {
			r.DeliveredLastMinute += uint64(s.delivered)
			r.FailedLastMinute += uint64(s.failed)
		}
	}
}

// work returns how many events were POSTed, how long that took altogether, and
// the last thing that went wrong.
func (t *tally) work() (posted uint64, duration time.Duration, lastError string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.posted, t.duration, t.lastError
}
