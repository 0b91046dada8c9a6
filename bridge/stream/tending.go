package stream

import "time"

// tending is when a consumer looks after what is due from time to time: once a
// second while anything is in hand, and otherwise when the server has to have
// said something. A route on which nothing happens then wakes the process as
// often as the server does, and the routes of a bridge are many. It belongs to
// the consumer's goroutine.
type tending struct {
	*time.Timer
	often   time.Duration
	resting bool
}

func newTending(ackWait time.Duration) *tending {
	often := min(ackWait/6, time.Second)
	return &tending{time.NewTimer(often), often, false}
}

// wake has a consumer that is not idle any more looked after often.
func (t *tending) wake(c *consumer) {
	if t.resting && !c.idle() {
		t.resting = false
		t.Reset(t.often)
	}
}

// next sets when to look after the consumer again.
func (t *tending) next(c *consumer, now time.Time) {
	t.resting = c.idle()
	if !t.resting {
		t.Reset(t.often)
		return
	}
	listen := c.ackWait / 6
	if c.heard.Before(c.asked) {
		listen = max(listen, ackTimeout)
	}
	silent := c.pull.heard.Add(pullSilence + time.Millisecond)
	t.Reset(max(0, min(c.asked.Add(listen).Sub(now), silent.Sub(now))))
}

// heard has an idle consumer ask for the next sign of life in time: where there
// was no answer yet, next left the server long for it.
func (t *tending) heard(c *consumer) {
	if t.resting {
		t.next(c, time.Now())
	}
}

// idle reports whether there is nothing to do before the server says something:
// it has been asked for events, and there is none in hand. One that comes wakes
// the consumer. A route that keeps an order always has something to do.
func (c *consumer) idle() bool {
	if c.running.Load() > 0 || c.unsure.Load() > 0 || c.order != nil || c.pull.open == 0 {
		return false
	}
	events, _ := c.hand.size()
	return events == 0
}
