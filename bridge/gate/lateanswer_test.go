package gate

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// lateStore is a bucket whose confirmations of removals come late: the watch has told
// of what happened after them.
type lateStore struct {
	*memory
	removed func()
}

func (s *lateStore) remove(ctx context.Context, key string, revision uint64) error {
	err := s.memory.remove(ctx, key, revision)
	s.removed()
	return err
}

// TestHoldThatFollowsAReleaseIsObeyed: another replica holds the destination before
// this one has heard that its own release succeeded.
func TestHoldThatFollowsAReleaseIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		b := m.join(testConfig("b"))
		pass := mustEnter(t, b, d, 2)
		late := &lateStore{m, func() { b.Leave(t.Context(), d, message(2), pass, tooMany) }}
		a := newGate(testConfig("a"), late)
		m.watchers = append(m.watchers, a)
		a.stop.resume()
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), delivered)
		if !b.Held(d) || !a.Held(d) {
			t.Fatalf("held in one replica: %v, in the one that released: %v", b.Held(d), a.Held(d))
		}
		begin := time.Now()
		if !mustEnter(t, a, d, 1).Probe || time.Since(begin) < minHold/2 {
			t.Errorf("went through after %s", time.Since(begin))
		}
	})
}

// TestProbeThatWaitsForItsPaceIsTheOnlyOne: a limit may be so low that a request waits
// longer than it takes.
func TestProbeThatWaitsForItsPaceIsTheOnlyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := bridge.Limit{Requests: 1, Window: 5 * time.Minute}
		m, d := newMemory(), destination(t, limit)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		first, second := enter(t, a, d, 1), enter(t, b, d, 2)
		time.Sleep(longest(0))
		synctest.Wait()
		before, _ := a.Holding(d)
		g, n := a, 1
		select {
		case <-first:
		case <-second:
			g, n = b, 2
		}
		if now, _ := g.Holding(d); now.Probe == nil || *now.Probe != *before.Probe || now.Probe.Event != eventKey(message(n)) {
			t.Errorf("event %d probes, the hold had %+v and has %+v", n, before.Probe, now.Probe)
		}
		g.Leave(t.Context(), d, message(n), bridge.Pass{Probe: true}, delivered)
		if a.Held(d) || b.Held(d) {
			t.Error("not released")
		}
	})
}

// TestProbeIsNotSentWithoutNATS: it is lost as the probe waits for the pace.
func TestProbeIsNotSentWithoutNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := bridge.Limit{Requests: 1, Window: time.Minute}
		g, d := alone(), destination(t, limit)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		probe := enter(t, g, d, 1)
		time.Sleep(limit.Window / 2)
		g.Pause()
		time.Sleep(2 * limit.Window)
		if isThrough(probe) {
			t.Fatal("a probe is sent while NATS is away")
		}
		g.stop.resume()
		if !(<-probe).Probe {
			t.Error("no probe once NATS is back")
		}
	})
}
