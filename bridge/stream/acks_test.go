package stream

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// outcomes are what became of acknowledgements.
type outcomes struct{ confirmed, givenUp atomic.Int64 }

func (o *outcomes) done(_ *item, confirmed bool) {
	if confirmed {
		o.confirmed.Add(1)
	} else {
		o.givenUp.Add(1)
	}
}

// newTestAcks returns acknowledgements of events whose leader is at the subject
// "ack".
func newTestAcks(t *testing.T, b *bed) *acks {
	t.Helper()
	nc := b.dial().Conn()
	a := newAcks(nc, nil, func(it *item, reply string) error {
		return nc.PublishRequest(it.latest().Reply, reply, []byte(ackBody))
	}, b.logger())
	stop, err := a.listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	return a
}

func testItem() *item { return &item{msg: &nats.Msg{Reply: "ack"}} }

// TestAcknowledgementIsRepeatedUntilItIsConfirmed: that nobody has heard it is
// no confirmation, and neither is silence.
func TestAcknowledgementIsRepeatedUntilItIsConfirmed(t *testing.T) {
	b := newBed(t, embedded.Config{})
	a := newTestAcks(t, b)
	var o outcomes
	a.start(testItem(), o.done)
	refused := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return errors.Is(a.waiting[1].err, nats.ErrNoResponders)
	}
	eventually(t, "the server to say that nobody listens", refused)

	requests := make(chan *nats.Msg, 8)
	leader := b.dial().Conn()
	if _, err := leader.ChanSubscribe("ack", requests); err != nil {
		t.Fatal(err)
	}
	if err := leader.Flush(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	a.repeat(now, false) // at once, since it is known to be in vain
	first := <-requests
	a.repeat(now.Add(ackTimeout/2), false) // young
	a.repeat(now.Add(ackTimeout), false)   // silence
	second := <-requests
	a.repeat(now.Add(ackTimeout+time.Second), true) // reconnected
	third := <-requests
	if len(requests) != 0 || string(third.Data) != "+ACK" || first.Reply != third.Reply || second.Reply != third.Reply {
		t.Errorf("%d more, the last %q; replies %s %s %s", len(requests), third.Data, first.Reply, second.Reply, third.Reply)
	}
	if n := o.confirmed.Load() + o.givenUp.Load(); n != 0 || a.on.Load() != 1 {
		t.Errorf("%d done with before anything was confirmed, %d on their way", n, a.on.Load())
	}

	for _, request := range []*nats.Msg{first, second, third} {
		if err := request.Respond(nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the confirmation", func() bool { return o.confirmed.Load() == 1 })
	a.repeat(now.Add(time.Hour), true)
	if err := a.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := o.confirmed.Load(); n != 1 || len(requests) != 0 || a.on.Load() != 0 {
		t.Errorf("confirmed %d times, sent %d more, %d on their way", n, len(requests), a.on.Load())
	}
	for _, line := range []string{"acknowledgements are not confirmed", "acknowledgements caught up"} {
		if n := strings.Count(b.logs.String(), line); n != 1 {
			t.Errorf("%q is in the log %d times", line, n)
		}
	}
}

// TestAcknowledgementsEndWithGrace: what is not confirmed is given up, and so is
// what comes later.
func TestAcknowledgementsEndWithGrace(t *testing.T) {
	a := newTestAcks(t, newBed(t, embedded.Config{}))
	var o outcomes
	for range 3 {
		a.start(testItem(), o.done)
	}
	a.end()
	a.start(testItem(), o.done)
	if n := o.givenUp.Load(); n != 4 || o.confirmed.Load() != 0 || a.on.Load() != 0 {
		t.Errorf("%d given up, %d confirmed, %d on their way", n, o.confirmed.Load(), a.on.Load())
	}
}
