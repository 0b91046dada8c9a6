package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestUndeliveredEventsBecomeLettersBeforeTheStreamTakesThem(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.MaxAge = 30 * time.Second
	// Every event waits for a destination that is held; some failed before.
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if strings.HasPrefix(string(m.Body), "failing") && m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: time.Hour}
		}
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), bridge.ErrExpiring) {
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Expired}
		}
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, testRoute(t, "payments", 2))
	const events = 100 // as many as a slow machine writes letters of within the margin
	published := map[string]bool{}
	for i := range events {
		body := fmt.Sprint("held ", i)
		if i < 10 {
			body = fmt.Sprint("failing ", i)
		}
		b.publish("payments.success", body)
		published[body] = true
	}
	b.settled("payments")
	eventually(t, "the observer to be told of all", func() bool { return r.count(bridge.DeadLettered) == events })
	for _, l := range b.letters() {
		if l.Header.Get("Makebridge-Reason") != "expired" {
			t.Errorf("reason %s", l.Header.Get("Makebridge-Reason"))
		}
		delete(published, string(l.Data))
	}
	if len(published) > 0 {
		t.Errorf("%d events are lost", len(published))
	}
}

// TestOldEventThatComesBackBehindAHeldDoor does not wait for a place until the stream
// takes it, though younger events have them all.
func TestOldEventThatComesBackBehindAHeldDoor(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.MaxAge = 20 * time.Second
	b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if string(m.Body) == "old" && m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 7 * time.Second} // it failed once
		}
		<-ctx.Done() // the destination is held now
		if errors.Is(context.Cause(ctx), bridge.ErrExpiring) {
			return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Expired}
		}
		return bridge.Verdict{Outcome: bridge.HandedBack}
	}, testRoute(t, "payments", 2))
	b.publish("payments.success", "old")
	begin := time.Now()
	eventually(t, "it to be older than others by more than the margin", func() bool { return time.Since(begin) > 6*time.Second })
	published := map[string]bool{"old": true, "young 0": true, "young 1": true}
	for i := range 2 {
		b.publish("payments.success", fmt.Sprint("young ", i))
	}
	b.settled("payments")
	for _, l := range b.letters() {
		delete(published, string(l.Data))
	}
	if len(published) > 0 {
		t.Errorf("lost without a letter: %v", published)
	}
}

// TestExpiredEventWithoutAPlaceIsGivenUp: one that was pulled ahead waits for no place
// until the stream takes it.
func TestExpiredEventWithoutAPlaceIsGivenUp(t *testing.T) {
	for _, slots := range []int{1, 2} { // of two, others are handed to the crew ahead
		c := newConsumer(testRoute(t, "payments", slots), handlerFunc(accept), &settler{}, slog.New(slog.DiscardHandler))
		c.retention.Store(&retention{maxAge: time.Hour, margin: time.Minute})
		var began []string // and never end
		c.crew = newCrew(slots+c.lead()+1, func(it *item, _ <-chan *item) { began = append(began, string(it.Body)) })
		now := time.Now()
		take := func(body string, published time.Time) {
			it := testItem()
			it.Body, it.Published, it.touched, it.ackWait = []byte(body), published, now, time.Hour
			it.id = identity{uint64(len(c.hand.all())), published.UnixNano()}
			c.hand.take(it)
			c.queue.add(it)
		}
		for range slots {
			take("young", now)
		}
		take("old", now.Add(-30*time.Minute))
		take("waits", now.Add(time.Second))
		c.start(now)
		if len(began) != slots {
			t.Fatalf("%q began, want as many as have a place", began)
		}
		c.clock = func() time.Time { return now.Add(29*time.Minute + 30*time.Second) } // this machine's is behind
		c.giveUp(now)
		if len(began) != slots+1 || began[slots] != "old" {
			t.Errorf("%q began, want the one that expires last", began)
		}
		if left := c.notStarted(); len(left) != 1 || string(left[0].Body) != "waits" {
			t.Errorf("%d still wait, want the one that does not expire", len(left))
		}
	}
}

// handlerThatMaySpare is one whose answers to Spare are given.
type handlerThatMaySpare struct {
	handlerFunc
	spare []int
}

func (h *handlerThatMaySpare) Spare() int {
	s := h.spare[0]
	if len(h.spare) > 1 {
		h.spare = h.spare[1:]
	}
	return s
}

// TestEventBesideTheOneThatWaits has somebody to handle it, also where the door opens
// and is shut again meanwhile.
func TestEventBesideTheOneThatWaits(t *testing.T) {
	h := &handlerThatMaySpare{accept, []int{0, 0, 1, 0}}
	c := newConsumer(testRoute(t, "payments", 1), h, &settler{}, slog.New(slog.DiscardHandler))
	began := 0
	c.crew = newCrew(2, func(*item, <-chan *item) { began++ })
	for want := 1; want <= 2; want++ {
		it := testItem()
		it.touched, it.ackWait = time.Now(), time.Hour
		c.queue.add(it)
		c.start(time.Now())
		if began != want {
			t.Fatalf("%d began, want %d", began, want)
		}
	}
}

func TestMarginGrowsWithTheBacklog(t *testing.T) {
	const month = 720 * time.Hour
	if r := newRetention(month, 0); r.margin != time.Hour {
		t.Errorf("margin %s", r.margin)
	}
	if r := newRetention(month, 720_000); r.margin != 2*time.Hour {
		t.Errorf("margin %s of a deep backlog", r.margin)
	}
	if r := newRetention(month, 1<<40); r.margin != month/2 {
		t.Errorf("margin %s of an endless one", r.margin)
	}
	if left := newRetention(0, 10).left(time.Now(), time.Now().Add(100*month)); left <= 0 {
		t.Error("a stream that keeps events for ever takes one")
	}
}

// TestStreamThatTakesNothingIsRarelyAsked: how deep the backlog is matters the
// more, the shorter the stream keeps events.
func TestStreamThatTakesNothingIsRarelyAsked(t *testing.T) {
	for maxAge, want := range map[time.Duration]time.Duration{
		0: time.Minute, 20 * time.Second: time.Second, 10 * time.Minute: 6 * time.Second, 720 * time.Hour: time.Minute,
	} {
		if got := newRetention(maxAge, 0).every(); got != want {
			t.Errorf("a stream that keeps events for %s is asked every %s, want %s", maxAge, got, want)
		}
	}
}
