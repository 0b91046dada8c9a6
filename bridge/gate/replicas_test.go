package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

func TestHoldIsObeyedByEveryReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		late := m.join(testConfig("late")) // as after a restart
		waiting := []<-chan bridge.Pass{enter(t, a, d, 1), enter(t, b, d, 2), enter(t, late, d, 3)}
		time.Sleep(minHold / 2)
		for n, w := range waiting {
			if isThrough(w) {
				t.Fatalf("replica %d posts to a held destination", n)
			}
		}
		if !b.Held(d) || !late.Held(d) {
			t.Fatal("a replica does not know of the hold")
		}
		time.Sleep(longest(0))
		synctest.Wait()
		probes := 0
		for n, w := range waiting {
			if len(w) > 0 {
				probes++
				g := []*Gate{a, b, late}[n]
				g.Leave(t.Context(), d, message(n+1), <-w, delivered)
			}
		}
		if probes != 1 {
			t.Fatalf("%d probes, want 1", probes)
		}
		if a.Held(d) || b.Held(d) || late.Held(d) {
			t.Error("not released everywhere")
		}
		for _, w := range waiting {
			synctest.Wait()
			if len(w) > 0 && (<-w).Probe {
				t.Error("another probe")
			}
		}
	})
}

// TestOneProbeAtATime lets many events of several replicas wait at a destination
// that goes on failing.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		var mu sync.Mutex
		out, most := 0, 0
		var probes []int
		var all sync.WaitGroup
		for r := range 3 {
			g := m.join(testConfig(fmt.Sprint(r)))
			if r == 0 {
				g.Leave(ctx, d, message(0), mustEnter(t, g, d, 0), gone)
			}
			for n := range 4 {
				all.Go(func() {
					for {
						event := 10*r + n
						pass, err := g.Enter(ctx, d, message(event))
						if err != nil {
							return
						}
						mu.Lock()
						out++
						most = max(most, out)
						probes = append(probes, event)
						mu.Unlock()
						if !pass.Probe {
							t.Error("went through a held gate")
						}
						time.Sleep(3 * time.Second) // the request
						mu.Lock()
						out--
						mu.Unlock()
						g.Leave(ctx, d, message(event), pass, gone)
					}
				})
			}
		}
		all.Wait()
		if most != 1 {
			t.Errorf("%d probes at a time", most)
		}
		if len(probes) < 15 {
			t.Errorf("%d probes in 20 minutes", len(probes))
		}
		for i := range probes[1:] {
			if probes[i] == probes[i+1] {
				t.Errorf("event %d probes twice in a row: %v", probes[i], probes)
			}
		}
	})
}

func TestReplicaThatDiesAsItProbesBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		dying, other := m.join(testConfig("dying")), m.join(testConfig("other"))
		dying.Leave(t.Context(), d, message(1), mustEnter(t, dying, d, 1), tooMany)
		if !mustEnter(t, dying, d, 1).Probe {
			t.Fatal("no probe")
		} // and is never heard of again
		begin := time.Now()
		if !mustEnter(t, other, d, 2).Probe {
			t.Fatal("no probe")
		}
		if waited := time.Since(begin); waited > probeLife {
			t.Fatalf("blocked for %s", waited)
		}
	})
}

func TestEventAtFaultDoesNotKeepTheDoorShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), gone)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), gone) // it probes first, and fails again
		bad, good := enter(t, a, d, 1), enter(t, b, d, 2)
		pass := <-good
		if !pass.Probe || isThrough(bad) {
			t.Fatal("the event that failed last does not let another go first")
		}
		b.Leave(t.Context(), d, message(2), pass, delivered)
		if !isThrough(bad) || a.Held(d) {
			t.Fatal("not released")
		}
	})
}

// TestHoldWithoutNATSIsSharedLater: as soon as NATS is back, or the bucket has room.
func TestHoldWithoutNATSIsSharedLater(t *testing.T) {
	for name, trouble := range map[string]error{"lost": errors.New("no NATS"), "full": errFull} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := newMemory(), destination(t, unlimitedPace)
				a, b := m.join(testConfig("a")), m.join(testConfig("b"))
				pass := mustEnter(t, a, d, 1)
				m.failWith(trouble)
				a.Leave(t.Context(), d, message(1), pass, tooMany)
				if !a.Held(d) || b.Held(d) {
					t.Fatal("the replica that learned of it must hold by itself")
				}
				waiting := enter(t, a, d, 1)
				time.Sleep(time.Second)
				m.failWith(nil)
				time.Sleep(time.Second)
				synctest.Wait()
				if !b.Held(d) {
					t.Fatal("not shared once that was over")
				}
				b.Leave(t.Context(), d, message(2), mustEnter(t, b, d, 2), delivered)
				<-waiting
				if a.Held(d) || b.Held(d) {
					t.Error("not released")
				}
			})
		})
	}
}

func TestReleaseIsToldOnceByTheReplicaThatReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		var told []string
		config := func(name string) Config {
			c := testConfig(name)
			c.Released = func(_ context.Context, id string) { told = append(told, name+" "+id) }
			return c
		}
		a, b := m.join(config("a")), m.join(config("b"))
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		b.Leave(t.Context(), d, message(2), mustEnter(t, b, d, 2), rejected)
		if len(told) != 1 || told[0] != "b "+d.URL.ID() {
			t.Fatalf("told %v", told)
		}
	})
}

func TestEvidenceOfOneReplicaCountsInAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		before := time.Now()
		time.Sleep(time.Minute)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), delivered)
		if !b.Works(d, before) || b.Works(d, time.Now().Add(time.Second)) {
			t.Fatal("evidence is not shared as it is")
		}
		writes := m.revision
		for range 100 {
			a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), delivered)
		}
		if m.revision != writes {
			t.Errorf("%d writes for 100 deliveries at once", m.revision-writes)
		}
	})
}

func TestClockLearnsHowFarTheServersIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		begin := time.Now()
		c.learn(begin, begin.Add(100*time.Millisecond), begin.Add(time.Hour))
		if d := c.until(time.Now().Add(time.Hour)); d < 0 || d > 100*time.Millisecond {
			t.Errorf("off by %s", d)
		}
		c.learn(begin, begin.Add(10*time.Second), begin.Add(time.Hour+2*time.Second)) // a worse measurement does not count
		if d := c.until(time.Now().Add(time.Hour)); d < 0 || d > 100*time.Millisecond {
			t.Errorf("off by %s", d)
		}
		c.learn(begin, begin.Add(10*time.Second), begin.Add(3*time.Hour)) // unless the good one cannot be true any more
		if d := c.until(time.Now().Add(3 * time.Hour)); d < 0 || d > 5*time.Second {
			t.Errorf("off by %s", d)
		}
		time.Sleep(2 * sampleLife) // or is old
		begin = time.Now()
		c.learn(begin, begin.Add(10*time.Second), begin.Add(2*time.Hour+5*time.Second))
		if d := c.until(time.Now().Add(2 * time.Hour)); d < -time.Second || d > time.Second {
			t.Errorf("off by %s", d)
		}
	})
}
