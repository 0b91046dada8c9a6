package stream

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestLostPullRequestIsAskedAnew: the first pull request does not reach the
// server, which nothing but its silence tells.
func TestLostPullRequestIsAskedAnew(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	var lost atomic.Int32
	forward := b.client().Conn()
	if _, err := forward.Subscribe("lossy.>", func(m *nats.Msg) {
		if strings.Contains(m.Subject, ".CONSUMER.MSG.NEXT.") && lost.Add(1) == 1 {
			return
		}
		m.Subject = "$JS.API." + strings.TrimPrefix(m.Subject, "lossy.")
		_ = forward.PublishMsg(m)
	}); err != nil {
		t.Fatal(err)
	}
	if err := forward.Flush(); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.NewWithAPIPrefix(b.dial().Conn(), "lossy.")
	if err != nil {
		t.Fatal(err)
	}
	b.runUnbound(js, testSettings(), accept, testRoute(t, "payments", 4))

	eventually(t, "the request to be lost", func() bool { return lost.Load() > 0 })
	b.publish("payments.success", "waits")
	b.settled("payments")
	if log := b.logs.String(); !strings.Contains(log, "no sign of the consumer, asking anew") {
		t.Errorf("logged %s", log)
	}
}

// TestConsumerWithNothingInHandIsLeftAlone: its timer goes off when the server
// has been silent for too long or is to be asked for a sign of life, and every
// second only while something is in hand.
func TestConsumerWithNothingInHandIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsumer(testRoute(t, "payments", 4), nil, nil, slog.New(slog.DiscardHandler))
		c.ackWait = 60 * time.Second
		begin := time.Now()
		c.heard, c.asked, c.pull = begin, begin, &puller{open: 4, heard: begin}
		tending := newTending(c.ackWait)
		defer tending.Stop()
		fires := func(want time.Duration) {
			t.Helper()
			if got := (<-tending.C).Sub(begin); got != want {
				t.Fatalf("looked after %s after the begin, want %s", got, want)
			}
		}
		fires(time.Second)
		tending.next(c, time.Now())
		fires(pullSilence + time.Millisecond)

		c.pull.heard = begin.Add(5 * time.Second) // a heartbeat
		tending.next(c, time.Now())
		fires(10 * time.Second) // a sign of life is due
		c.asked = time.Now()
		tending.next(c, time.Now())
		fires(5*time.Second + pullSilence + time.Millisecond)

		c.pull.heard = time.Now()
		tending.next(c, time.Now())
		c.hand.take(&item{id: identity{sequence: 1}})
		tending.wake(c)
		at := time.Since(begin)
		fires(at + time.Second)
		tending.next(c, time.Now())
		fires(at + 2*time.Second)
	})
}
