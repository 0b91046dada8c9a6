package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// longPause is longer than any hold that is not asked for.
const longPause = 10 * time.Minute

// asksFor is a 429 with Retry-After.
func asksFor(pause time.Duration) bridge.Answer {
	a := tooMany
	a.RetryAfter = pause
	return a
}

// checkHeldFor looks how long a gate holds a destination, from then on.
func checkHeldFor(t *testing.T, g *Gate, d *bridge.Destination, since time.Time, asked time.Duration) {
	t.Helper()
	if h, held := g.Holding(d); !held || h.Until.Sub(since) < asked {
		t.Errorf("replica %s: held %v, for %s, and %s was asked for", g.cfg.Replica, held, h.Until.Sub(since), asked)
	}
}

// slowStore is a bucket that is some way off.
type slowStore struct{ *memory }

func (s *slowStore) create(ctx context.Context, key string, value []byte) (uint64, error) {
	time.Sleep(20 * time.Millisecond)
	return s.memory.create(ctx, key, value)
}

// TestRetryAfterCountsAsTheHoldIsBeingWritten: two requests are in flight, and the
// second is answered before the bucket has the hold of the first.
func TestRetryAfterCountsAsTheHoldIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		g := newGate(testConfig("a"), &slowStore{m})
		m.watchers = append(m.watchers, g)
		g.stop.resume()
		one, two := mustEnter(t, g, d, 1), mustEnter(t, g, d, 2)
		go g.Leave(t.Context(), d, message(1), one, tooMany)
		synctest.Wait()
		at := time.Now()
		g.Leave(t.Context(), d, message(2), two, asksFor(longPause))
		checkHeldFor(t, g, d, at, longPause)
		checkHeldFor(t, m.join(testConfig("b")), d, at, longPause)
	})
}

// TestRetryAfterCountsWhereAnotherReplicaHolds: this one has not heard of it yet.
func TestRetryAfterCountsWhereAnotherReplicaHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), newGate(testConfig("b"), m)
		b.stop.resume()
		one, two := mustEnter(t, a, d, 1), mustEnter(t, b, d, 2)
		a.Leave(t.Context(), d, message(1), one, tooMany)
		at := time.Now()
		b.Leave(t.Context(), d, message(2), two, asksFor(longPause))
		checkHeldFor(t, a, d, at, longPause)
		checkHeldFor(t, b, d, at, longPause)
	})
}

// TestRetryAfterOfAProbeCounts: another replica's late answer has prolonged the hold a
// little meanwhile.
func TestRetryAfterOfAProbeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		late := mustEnter(t, b, d, 2)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		pass := mustEnter(t, a, d, 1)
		m.watch(a, false)
		b.Leave(t.Context(), d, message(2), late, asksFor(15*time.Second))
		at := time.Now()
		a.Leave(t.Context(), d, message(1), pass, asksFor(longPause))
		checkHeldFor(t, a, d, at, longPause)
		checkHeldFor(t, b, d, at, longPause)
		if h, _ := b.Holding(d); h.Probe != nil || h.Probes != 1 || h.Last != eventKey(message(1)) {
			t.Errorf("after the probe: %+v", h)
		}
	})
}

// TestRetryAfterOutlivesAProbe: the destination asks for a long pause while the probe
// is out, which then fails, and asks for none or a shorter one.
func TestRetryAfterOutlivesAProbe(t *testing.T) {
	for name, answer := range map[string]bridge.Answer{"failed": failed, "shorter": asksFor(time.Second), "interrupted": interrupted} {
		for _, heard := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, d := newMemory(), destination(t, unlimitedPace)
					a, b := m.join(testConfig("a")), m.join(testConfig("b"))
					late := mustEnter(t, b, d, 2)
					a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
					pass := mustEnter(t, a, d, 1)
					m.watch(a, heard)
					at := time.Now()
					b.Leave(t.Context(), d, message(2), late, asksFor(longPause))
					a.Leave(t.Context(), d, message(1), pass, answer)
					checkHeldFor(t, a, d, at, longPause)
					checkHeldFor(t, b, d, at, longPause)
					if h, _ := b.Holding(d); h.Probe != nil {
						t.Errorf("the probe is still out: %+v", h)
					}
				})
			})
		}
	}
}

// TestRetryAfterOfAProbeThatRanOutCounts: another replica probes by then.
func TestRetryAfterOfAProbeThatRanOutCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		pass := mustEnter(t, a, d, 1)
		mustEnter(t, b, d, 2)
		at := time.Now()
		a.Leave(t.Context(), d, message(1), pass, asksFor(longPause))
		checkHeldFor(t, a, d, at, longPause)
		checkHeldFor(t, b, d, at, longPause)
		if h, _ := b.Holding(d); h.Probe == nil || h.Probe.Replica != "b" {
			t.Errorf("the other's probe is forgotten: %+v", h)
		}
	})
}

// TestHoldThatIsSharedLaterKeepsItsEnd: another replica has made a shorter one while
// this one could not tell the bucket.
func TestHoldThatIsSharedLaterKeepsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		one, two := mustEnter(t, a, d, 1), mustEnter(t, b, d, 2)
		m.failWith(errors.New("no NATS"))
		m.watch(a, false)
		at := time.Now()
		a.Leave(t.Context(), d, message(1), one, asksFor(longPause))
		m.failWith(nil)
		b.Leave(t.Context(), d, message(2), two, tooMany)
		enter(t, a, d, 1)
		synctest.Wait()
		checkHeldFor(t, a, d, at, longPause)
		checkHeldFor(t, b, d, at, longPause)
	})
}

// TestRetryAfterIsObeyedWithoutNATS: the replica that was asked does it by itself.
func TestRetryAfterIsObeyedWithoutNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		g := m.join(testConfig("a"))
		one, two := mustEnter(t, g, d, 1), mustEnter(t, g, d, 2)
		g.Leave(t.Context(), d, message(1), one, tooMany)
		m.failWith(errors.New("no NATS"))
		at := time.Now()
		g.Leave(t.Context(), d, message(2), two, asksFor(longPause))
		if took := time.Since(at); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		checkHeldFor(t, g, d, at, longPause)
	})
}
