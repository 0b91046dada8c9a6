package gate

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

var (
	delivered     = bridge.Answer{Class: bridge.ClassDelivered, Status: 200}
	failed        = bridge.Answer{Class: bridge.ClassFailed, Status: 500}
	rejected      = bridge.Answer{Class: bridge.ClassRejected, Status: 422}
	tooMany       = bridge.Answer{Class: bridge.ClassBackpressure, Status: 429}
	gone          = bridge.Answer{Class: bridge.ClassMisconfigured, Status: 410}
	interrupted   = bridge.Answer{Class: bridge.ClassInterrupted}
	minHold       = 10 * time.Second
	maxHold       = 60 * time.Second
	probeLife     = 25 * time.Second
	jitterFactor  = 1.2
	eventsToHold  = 3
	unlimitedPace = bridge.Limit{}
)

func destination(t *testing.T, limit bridge.Limit) *bridge.Destination {
	t.Helper()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/abc", false)
	if err != nil {
		t.Fatal(err)
	}
	return &bridge.Destination{URL: u, Limit: limit}
}

func testConfig(replica string) Config {
	return Config{
		Replica: replica, HoldAfter: eventsToHold, HoldMin: minHold, HoldMax: maxHold,
		ProbeLife: probeLife, EvidenceEvery: time.Second, Logger: slog.New(slog.DiscardHandler),
	}
}

// alone is the gate of the only replica.
func alone() *Gate { return newMemory().join(testConfig("alone")) }

func message(n int) bridge.Message { return bridge.Message{Sequence: uint64(n)} }

// enter goes through the gate in a goroutine and says when it is through.
func enter(t *testing.T, g *Gate, d *bridge.Destination, n int) <-chan bridge.Pass {
	t.Helper()
	through := make(chan bridge.Pass, 1)
	go func() {
		pass, err := g.Enter(t.Context(), d, message(n))
		if err == nil {
			through <- pass
		}
	}()
	return through
}

func mustEnter(t *testing.T, g *Gate, d *bridge.Destination, n int) bridge.Pass {
	t.Helper()
	pass, err := g.Enter(t.Context(), d, message(n))
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

func isThrough(c <-chan bridge.Pass) bool {
	synctest.Wait()
	return len(c) > 0
}

// longest is the longest that a hold can last after so many failed probes.
func longest(probes int) time.Duration {
	d := minHold
	for range probes {
		d *= 2
	}
	return time.Duration(float64(min(d, maxHold)) * jitterFactor)
}

func TestHoldLetsOneProbeThroughAndEverybodyAfterIt(t *testing.T) {
	for name, answer := range map[string]bridge.Answer{"backpressure": tooMany, "misconfigured": gone} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, d := alone(), destination(t, unlimitedPace)
				g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), answer)
				if !g.Held(d) {
					t.Fatal("not held")
				}
				first, second := enter(t, g, d, 1), enter(t, g, d, 2)
				if isThrough(first) || isThrough(second) {
					t.Fatal("went through a held gate")
				}
				time.Sleep(longest(0))
				synctest.Wait()
				if len(first)+len(second) != 1 {
					t.Fatalf("%d events probe, want 1", len(first)+len(second))
				}
				prober, waiter := first, second
				if len(second) == 1 {
					prober, waiter = second, first
				}
				pass := <-prober
				if !pass.Probe {
					t.Fatal("the pass is not a probe's")
				}
				g.Leave(t.Context(), d, message(1), pass, delivered)
				if !isThrough(waiter) || g.Held(d) {
					t.Fatal("not released by the probe's 2xx")
				}
				if (<-waiter).Probe {
					t.Fatal("a second probe")
				}
			})
		})
	}
}

func TestHoldGrowsAndIsProbedByAnotherEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(0), mustEnter(t, g, d, 0), tooMany)
		waiting := map[int]<-chan bridge.Pass{}
		for n := range 3 {
			waiting[n] = enter(t, g, d, n)
			synctest.Wait()
		}
		for probe := range 6 {
			want := probe % 3 // first come, first to probe; who failed queues up again
			begin := time.Now()
			pass := <-waiting[want]
			lasted := time.Since(begin)
			if least := longest(probe) * 2 / 3; lasted < least || lasted > longest(probe) {
				t.Errorf("hold %d lasted %s, want %s to %s", probe, lasted, least, longest(probe))
			}
			g.Leave(t.Context(), d, message(want), pass, failed)
			waiting[want] = enter(t, g, d, want)
			synctest.Wait()
		}
	})
}

// TestEventOfTheLastProbeLetsLaterOnesGoFirst: also one that came while it was
// waiting alone.
func TestEventOfTheLastProbeLetsLaterOnesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), failed)
		bad := enter(t, g, d, 1)
		synctest.Wait()
		begin := time.Now()
		pass := mustEnter(t, g, d, 2)
		if waited := time.Since(begin); !pass.Probe || waited > longest(1) || isThrough(bad) {
			t.Fatalf("the other probes (%t) after %s, want after at most %s", pass.Probe, waited, longest(1))
		}
		g.Leave(t.Context(), d, message(2), pass, delivered)
		if !isThrough(bad) {
			t.Fatal("not released")
		}
	})
}

func TestHoldHonoursRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		asked := tooMany
		asked.RetryAfter = 10 * time.Minute
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), asked)
		begin := time.Now()
		if pass := mustEnter(t, g, d, 1); !pass.Probe || time.Since(begin) != asked.RetryAfter {
			t.Fatalf("probed (%v) after %s, want after %s", pass.Probe, time.Since(begin), asked.RetryAfter)
		}
	})
}

func TestAnswersToRequestsInFlightDoNotLengthenAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		var passes []bridge.Pass
		for n := range 20 {
			passes = append(passes, mustEnter(t, g, d, n))
		}
		for n, p := range passes {
			g.Leave(t.Context(), d, message(n), p, tooMany)
		}
		begin := time.Now()
		mustEnter(t, g, d, 1)
		if lasted := time.Since(begin); lasted > longest(0) {
			t.Fatalf("held for %s, want at most %s", lasted, longest(0))
		}
	})
}

func TestRejectionOfTheProbeReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), rejected)
		if g.Held(d) {
			t.Fatal("still held, though the destination judges events")
		}
	})
}

func TestFailuresOfDifferentEventsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		fail := func(n int, a bridge.Answer) { g.Leave(t.Context(), d, message(n), mustEnter(t, g, d, n), a) }
		for range 10 * eventsToHold {
			fail(1, failed)
		}
		if g.Held(d) {
			t.Fatal("held for one event that fails")
		}
		fail(2, delivered)
		for n := range eventsToHold - 1 {
			fail(10+n, failed)
		}
		if g.Held(d) {
			t.Fatal("a success in between does not count")
		}
		fail(20, failed)
		if !g.Held(d) {
			t.Fatalf("not held after %d events failed one after another", eventsToHold)
		}
	})
}

func TestProbeThatIsGivenUpGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		pass := mustEnter(t, g, d, 1)
		next := enter(t, g, d, 2)
		if isThrough(next) {
			t.Fatal("two probes at a time")
		}
		g.Leave(t.Context(), d, message(1), pass, interrupted)
		if !isThrough(next) || !(<-next).Probe {
			t.Fatal("nobody probes in its place")
		}
	})
}

func TestWaiterThatLeavesDoesNotTakeTheProbeAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := g.Enter(ctx, d, message(1))
			left <- err
		}()
		synctest.Wait()
		next := enter(t, g, d, 2)
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want context.Canceled", err)
		}
		time.Sleep(longest(0))
		if !isThrough(next) || !(<-next).Probe {
			t.Fatal("the next waiter does not probe")
		}
	})
}

func TestAgainEndsADeliveryWhoseDestinationIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		pass := mustEnter(t, g, d, 1)
		if err := g.Again(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		g.Leave(t.Context(), d, message(1), pass, tooMany)
		if err := g.Again(t.Context(), d); !errors.Is(err, bridge.ErrHeld) {
			t.Fatalf("error %v, want ErrHeld", err)
		}
	})
}

func TestPausedGateStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		g.Pause()
		through := enter(t, g, d, 1)
		again := make(chan error, 1)
		go func() { again <- g.Again(t.Context(), d) }()
		time.Sleep(time.Hour)
		if isThrough(through) || len(again) > 0 {
			t.Fatal("a request started without NATS")
		}
		g.stop.resume()
		if !isThrough(through) || <-again != nil {
			t.Fatal("not resumed")
		}
	})
}

// TestReleaseIsNoEvidence: it brings back what waits, whose last failure may be as
// late as that.
func TestReleaseIsNoEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		before := time.Now()
		time.Sleep(time.Second)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), delivered)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		g.Leave(t.Context(), d, message(2), mustEnter(t, g, d, 2), delivered)
		if g.Held(d) || g.Works(d, before) {
			t.Error("what was accepted before the release is evidence against what is brought back")
		}
		time.Sleep(time.Second)
		g.Leave(t.Context(), d, message(3), mustEnter(t, g, d, 3), delivered)
		if !g.Works(d, before) {
			t.Error("an event that is accepted afterwards is none")
		}
	})
}

func TestWorksSaysWhenADestinationLastAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		before := time.Now()
		if g.Works(d, before) {
			t.Fatal("evidence out of nothing")
		}
		time.Sleep(time.Second)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), delivered)
		if !g.Works(d, before) || g.Works(d, time.Now().Add(time.Second)) {
			t.Fatal("evidence at the wrong time")
		}
	})
}
