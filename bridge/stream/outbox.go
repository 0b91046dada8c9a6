package stream

import (
	"sync"
	"time"
)

// ackGather is how long acknowledgements gather where many are sent: each that
// goes out alone costs a write here, and there a read and a write of its
// confirmation. Meanwhile make.com has accepted what the server does not know of.
const ackGather = time.Millisecond

// outbox is where the acknowledgements of all routes gather, to go out with one
// write: one is sent at once, unless another was within the last moment. Then it
// waits for those of the rest of that moment.
type outbox struct {
	moment time.Duration

	mu    sync.Mutex
	sent  time.Time // when one was sent at once, or some together
	ready []*ack    // what has gathered since
	timer *time.Timer
}

func newOutbox(moment time.Duration) *outbox {
	o := &outbox{moment: moment}
	o.timer = time.AfterFunc(moment, o.send)
	return o
}

// gather takes an acknowledgement that was begun at a time, to be sent soon, or
// reports that it is to be sent now.
func (o *outbox) gather(w *ack, begun time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ready) == 0 {
		rest := min(o.moment-begun.Sub(o.sent), o.moment) // others may have been sent since
		if rest <= 0 {
			o.sent = begun
			return false
		}
		o.timer.Reset(rest)
	}
	o.ready = append(o.ready, w)
	return true
}

// send sends what has gathered.
func (o *outbox) send() {
	o.mu.Lock()
	ready := o.ready
	o.ready, o.sent = nil, time.Now()
	o.mu.Unlock()
	for _, w := range ready {
		w.dispatch()
	}
}
