package stream

import (
	"context"
	"errors"
	"fmt"
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
	settings.MaxAge = 20 * time.Second
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
	const events = 300
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
