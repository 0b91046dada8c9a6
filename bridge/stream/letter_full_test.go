package stream

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestDeadLetterStreamFull: letters that the stream refuses are tried again
// until there is room, and each is stored once.
func TestDeadLetterStreamFull(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = time.Second
	var handled atomic.Int32
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		handled.Add(1)
		if string(m.Body)[:3] == "bad" {
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}
		}
		return accept(ctx, m)
	}, testRoute(t, "payments", 1))
	full := wantLetters(settings)
	full.MaxMsgs, full.Discard = 1, jetstream.DiscardNew
	b.updateStream(full)
	b.publish("dlq.another", "letter")

	const bad, good = 5, 20
	first := b.publish("payments.success", "bad 0")
	for i := 1; i < bad; i++ {
		b.publish("payments.success", fmt.Sprint("bad ", i))
	}
	for i := range good {
		b.publish("payments.success", fmt.Sprint("good ", i))
	}
	// With a concurrency of one, others flow only if the letters take no slot.
	eventually(t, "other events to flow", func() bool { return r.count(bridge.Delivered) == good })
	begin := time.Now()
	eventually(t, "several ack waits to pass", func() bool { return time.Since(begin) > 3*settings.AckWait })
	if i := b.consumer("payments"); i.NumAckPending != bad || i.AckFloor.Stream >= first {
		t.Errorf("%d pending, ack floor %d: acknowledged without a letter", i.NumAckPending, i.AckFloor.Stream)
	}
	if n := len(b.letters()); n != 1 {
		t.Fatalf("%d letters, want the other one alone: the stream was not full", n)
	}

	b.updateStream(wantLetters(settings))
	b.settled("payments")
	times := map[string]int{}
	for _, l := range b.letters() {
		times[string(l.Data)]++
	}
	for i := range bad {
		if n := times[fmt.Sprint("bad ", i)]; n != 1 {
			t.Errorf("letter %d is stored %d times, want once", i, n)
		}
	}
	if n := handled.Load(); n != bad+good {
		t.Errorf("%d handled, want %d: handled again while its letter could not be stored", n, bad+good)
	}
}

func (b *bed) updateStream(c jetstream.StreamConfig) {
	b.t.Helper()
	if _, err := b.client().UpdateStream(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
}
