package stream

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
)

func testPuller(t *testing.T, b *bed) *puller {
	t.Helper()
	p, err := newPuller(b.dial().Conn(), "$JS.API.", "EVENTS", "payments", 8, b.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPullThatNobodyTakesIsRepeated(t *testing.T) {
	p, now := testPuller(t, newBed(t, embedded.Config{})), time.Now()
	nobody := &nats.Msg{Subject: p.inbox, Header: nats.Header{"Status": {"503"}}}
	if err := p.ask(5, now); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, pullPause, pullPatience} {
		if event, err := p.receive(nobody, now.Add(after)); event || err != nil {
			t.Fatalf("after %s without a leader: event %t, %v", after, event, err)
		}
		if p.open != 0 || !p.notUntil.Equal(now.Add(after+pullPause)) {
			t.Errorf("after %s: %d open, no request for %s", after, p.open, p.notUntil.Sub(now))
		}
	}
	if _, err := p.receive(&nats.Msg{Subject: p.inbox, Header: nats.Header{"Status": {"100"}}}, now.Add(pullPatience)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.receive(nobody, now.Add(pullPatience+time.Second)); err != nil {
		t.Errorf("another leader was not the end of the wait for one: %v", err)
	}
	if _, err := p.receive(nobody, now.Add(3*pullPatience)); !errors.Is(err, errConsumerGone) {
		t.Errorf("error %v after all patience", err)
	}
}

// TestPullFromAConsumerThatIsGoneEnds lets the server say so.
func TestPullFromAConsumerThatIsGoneEnds(t *testing.T) {
	b := newBed(t, embedded.Config{})
	for _, c := range []struct {
		name string
		make func()
	}{
		{"no stream", func() {}},
		{"no consumer", func() {
			if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS"}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make()
			p := testPuller(t, b)
			if err := p.ask(1, time.Now()); err != nil {
				t.Fatal(err)
			}
			var err error
			for range 2 { // that nobody takes the request, and what the server knows
				if err != nil {
					t.Fatal(err)
				}
				_, err = p.receive(<-p.msgs, time.Now())
			}
			if !errors.Is(err, errConsumerGone) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestStopWithoutEverHavingBeenBound: there is nobody to keep events alive with.
func TestStopWithoutEverHavingBeenBound(t *testing.T) {
	c := newConsumer(testRoute(t, "payments", 1), nil, nil, slog.New(slog.DiscardHandler))
	over := make(chan struct{})
	c.handling.Go(func() { <-over }) // as long as nobody has noticed that nothing is handled
	c.finish(t.Context())
	close(over)
	c.handling.Wait()
}
