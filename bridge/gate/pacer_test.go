package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// sendTimes collects when requests set out.
type sendTimes struct {
	mu    sync.Mutex
	times []time.Time
}

func (s *sendTimes) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Now())
}

func (s *sendTimes) sorted() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.times, time.Time.Compare)
	return s.times
}

// checkLimit looks at every sliding window.
func checkLimit(t *testing.T, sent []time.Time, limit bridge.Limit) {
	t.Helper()
	for i := range len(sent) - limit.Requests {
		if gap := sent[i+limit.Requests].Sub(sent[i]); gap < limit.Window {
			t.Fatalf("%d requests within %s, beginning with the %d.", limit.Requests+1, gap, i+1)
		}
	}
}

// TestLimitIsKeptThoughTheKeyOfItsPaceGoes, with the bucket or without, and though what
// comes after has a lower revision.
func TestLimitIsKeptThoughTheKeyOfItsPaceGoes(t *testing.T) {
	for _, limit := range []bridge.Limit{{Requests: 300, Window: 10 * time.Second}, {Requests: 2, Window: time.Minute}} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, sent := newMemory(), &sendTimes{}
				ctx, cancel := context.WithTimeout(t.Context(), 6*limit.Window)
				defer cancel()
				var all sync.WaitGroup
				for r := range 3 {
					g := m.join(testConfig(fmt.Sprint(r)))
					all.Go(func() { send(ctx, g, destination(t, limit), 16, sent) })
				}
				time.Sleep(3 * limit.Window)
				m.mu.Lock()
				delete(m.entries, "pace."+destination(t, limit).URL.ID())
				m.revision = 0
				m.mu.Unlock()
				all.Wait()
				times := sent.sorted()
				checkLimit(t, times, limit)
				if most := len(times); most < 3*limit.Requests {
					t.Errorf("%d requests in %s", most, 6*limit.Window)
				}
			})
		})
	}
}

// send keeps so many senders busy until ctx ends.
func send(ctx context.Context, g *Gate, d *bridge.Destination, senders int, sent *sendTimes) {
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for {
				if _, err := g.Enter(ctx, d, message(n)); err != nil {
					return
				}
				sent.add()
			}
		})
	}
	all.Wait()
}

func TestPaceKeepsTheLimitInEverySlidingWindow(t *testing.T) {
	for _, limit := range []bridge.Limit{{Requests: 300, Window: 10 * time.Second}, {Requests: 1, Window: 2 * time.Second}, {Requests: 5000, Window: time.Second}} {
		for _, replicas := range []int{1, 3} {
			t.Run(fmt.Sprint(limit, " by ", replicas), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, sent := newMemory(), &sendTimes{}
					const lasts = 60 * time.Second
					ctx, cancel := context.WithTimeout(t.Context(), lasts)
					defer cancel()
					var all sync.WaitGroup
					for r := range replicas {
						g := m.join(testConfig(fmt.Sprint(r)))
						all.Go(func() { send(ctx, g, destination(t, limit), 16, sent) })
					}
					all.Wait()
					got := sent.sorted()
					checkLimit(t, got, limit)
					ideal := float64(limit.Requests) * float64(lasts) / float64(limit.Window)
					if share := float64(len(got)) / ideal; limit.Requests == 300 && share < 0.95 {
						t.Errorf("%.1f %% of the limit used", 100*share)
					}
				})
			})
		}
	}
}

func TestPaceIsKeptWhenReplicasComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := bridge.Limit{Requests: 300, Window: 10 * time.Second}
		m, sent := newMemory(), &sendTimes{}
		const each, lasts = 3 * time.Second, 60 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		steady := m.join(testConfig("steady"))
		var all sync.WaitGroup
		all.Go(func() { send(ctx, steady, destination(t, limit), 4, sent) })
		for n := range int(lasts / each) {
			// A gate that is given up like this leaves what it had taken, as one
			// that is killed does.
			life, kill := context.WithTimeout(ctx, each)
			g := m.join(testConfig(fmt.Sprint(n)))
			all.Go(func() { defer kill(); send(life, g, destination(t, limit), 16, sent) })
			time.Sleep(each)
		}
		all.Wait()
		got := sent.sorted()
		checkLimit(t, got, limit)
		if share := float64(len(got)) / 1800; share < 0.9 {
			t.Errorf("%.1f %% of the limit used", 100*share)
		}
	})
}

func TestPaceSpreadsRequestsEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sent := alone(), &sendTimes{}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		send(ctx, g, destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second}), 64, sent)
		checkLimit(t, sent.sorted(), bridge.Limit{Requests: 31, Window: time.Second})
	})
}

func TestPaceDoesNotDelayAnEventThatComesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
		for n := range 10 {
			time.Sleep(time.Minute)
			begin := time.Now()
			mustEnter(t, g, d, n)
			if waited := time.Since(begin); waited > 0 {
				t.Fatalf("waited for %s", waited)
			}
		}
	})
}

// set makes a gate believe that the server's clock is ahead of the test's.
func set(g *Gate, ahead time.Duration) {
	now := time.Now()
	g.clock.learn(now, now, now.Add(ahead))
}

// TestPaceOutlivesAClockThatIsSet: the instants that were taken before it was are
// not waited for, nor the one after them.
func TestPaceOutlivesAClockThatIsSet(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"back":            {-time.Hour},
		"ahead":           {time.Hour},
		"back and again":  {-time.Hour, 0},
		"ahead and again": {time.Hour, 0},
	} {
		for _, replicas := range []int{1, 2} {
			t.Run(fmt.Sprint(name, " with ", replicas), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					limit := bridge.Limit{Requests: 300, Window: 10 * time.Second}
					m, d := newMemory(), destination(t, limit)
					ctx, cancel := context.WithCancel(t.Context())
					var all sync.WaitGroup
					defer all.Wait()
					defer cancel()
					var gates []*Gate
					for r := range replicas {
						gates = append(gates, m.join(testConfig(fmt.Sprint(r))))
					}
					sent := &sendTimes{}
					all.Go(func() { send(ctx, gates[0], d, 16, sent) })
					if replicas > 1 {
						all.Go(func() { send(ctx, gates[1], d, 16, &sendTimes{}) })
					}
					time.Sleep(5 * time.Second)
					for _, ahead := range steps {
						for _, g := range gates {
							set(g, ahead)
						}
						time.Sleep(time.Second)
					}
					sent.mu.Lock()
					before := len(sent.times)
					sent.mu.Unlock()
					time.Sleep(5 * time.Second)
					if n := len(sent.sorted()) - before; n < 150/replicas-50 {
						t.Errorf("%d requests in 5 s", n)
					}
				})
			})
		}
	}
}

// TestOwnPaceOutlivesAClockThatIsSet: likewise while the bucket takes nothing, and
// then.
func TestOwnPaceOutlivesAClockThatIsSet(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := newMemory(), destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
				g := m.join(testConfig("a"))
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				defer all.Wait()
				defer cancel()
				var sent sendTimes
				all.Go(func() { send(ctx, g, d, 16, &sent) })
				time.Sleep(5 * time.Second)
				m.failWith(errFull)
				time.Sleep(13 * time.Second)
				set(g, ahead)
				time.Sleep(ownTime)
				before := len(sent.sorted())
				time.Sleep(10 * time.Second)
				if n := len(sent.sorted()) - before; n < 60 {
					t.Errorf("%d requests in 10 s by itself", n)
				}
				set(g, 0)
				m.failWith(nil)
				time.Sleep(2*ownTime + time.Second)
				before = len(sent.sorted())
				time.Sleep(10 * time.Second)
				if n := len(sent.sorted()) - before; n < 250 {
					t.Errorf("%d requests in 10 s", n)
				}
			})
		})
	}
}

func TestPaceSurvivesAClockThatWasFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		d := destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
		wrong := m.join(testConfig("wrong"))
		set(wrong, 24*time.Hour)
		mustEnter(t, wrong, d, 1)
		right := m.join(testConfig("right"))
		begin := time.Now()
		mustEnter(t, right, d, 2)
		if waited := time.Since(begin); waited > time.Minute {
			t.Fatalf("waited for %s", waited)
		}
	})
}

// TestLimitMayBeHigherThanAnyClockTells: its instants are less than a nanosecond
// apart.
func TestLimitMayBeHigherThanAnyClockTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, bridge.Limit{Requests: 2_000_000_000, Window: time.Second})
		begin := time.Now()
		for n := range 100 {
			mustEnter(t, g, d, n)
		}
		if waited := time.Since(begin); waited > time.Millisecond {
			t.Errorf("100 requests took %s", waited)
		}
	})
}

// TestPaceNeverGoesBack: instants that others have taken are not taken again where
// the clock is learned anew as some are about to be.
func TestPaceNeverGoesBack(t *testing.T) {
	g, d := alone(), destination(t, bridge.Limit{Requests: 1000, Window: 10 * time.Second})
	p := g.door(d).pace(d)
	p.waiting.Add(1)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	now := time.Now()
	readings := []*reading{{now, now}, {now, now.Add(paceAhead)}}
	all.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			g.clock.at.Store(readings[n%2])
		}
	})
	hurried, hurry := context.WithCancel(ctx) // waits for no instant
	hurry()
	for range 20_000 {
		next := readings[0].when(time.Now()).Add(2*paceAhead - 10*time.Millisecond)
		p.next = next
		_ = p.reserve(hurried)
		if p.next.Before(next) {
			t.Fatalf("the next instant went back by %s", next.Sub(p.next))
		}
	}
}

// TestRefusedPaceIsSaidOnce: and when it is over; not so what fails as NATS is lost,
// which is said elsewhere.
func TestRefusedPaceIsSaidOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fail error
		want int
	}{
		"refused":    {errFull, 1},
		"unanswered": {unanswered(context.DeadlineExceeded, "$KV.makebridge.pace.x"), 1},
		"lost":       {nats.ErrTimeout, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := newMemory(), destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
				g, logs := m.joinLogging("a")
				for range 2 {
					m.failWith(c.fail)
					through := []<-chan bridge.Pass{enter(t, g, d, 1), enter(t, g, d, 2)}
					time.Sleep(time.Minute)
					m.failWith(nil)
					<-through[0]
					<-through[1]
					time.Sleep(time.Minute)
					mustEnter(t, g, d, 3)
					refused, over := strings.Count(logs.String(), "level=WARN"), strings.Count(logs.String(), "level=INFO")
					if refused != c.want || over != c.want {
						t.Fatalf("%d warnings, and said %d times that it is over, want %d:\n%s", refused, over, c.want, logs.String())
					}
					c.want *= 2
				}
			})
		})
	}
}

// errFull is how a server refuses a change that it has no room for.
var errFull = fmt.Errorf("nats: %w", &jetstream.APIError{Code: 400, ErrorCode: 10002, Description: "resource limits exceeded for account"})

// TestFullStorageStopsNoDestination: replicas that cannot share a limit keep it all the
// same, four of them together.
func TestFullStorageStopsNoDestination(t *testing.T) {
	for _, limit := range []bridge.Limit{{Requests: 300, Window: 10 * time.Second}, {Requests: 8, Window: time.Minute}} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := newMemory(), destination(t, limit)
				m.failWith(errFull)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				var all sync.WaitGroup
				var sent sendTimes
				for n := range ownShare {
					g := m.join(testConfig(fmt.Sprint(n)))
					all.Go(func() { send(ctx, g, d, 10, &sent) })
				}
				all.Wait()
				checkLimit(t, sent.sorted(), limit)
				if n, most := len(sent.times), int(5*time.Minute/gapOf(limit)); n < most*9/10 {
					t.Errorf("%d requests where %d are allowed", n, most)
				}
			})
		})
	}
}

// TestLimitIsKeptAsTheStorageFillsAndIsEmptied: by replicas that go on by themselves
// and back, however often.
func TestLimitIsKeptAsTheStorageFillsAndIsEmptied(t *testing.T) {
	for _, c := range []struct {
		limit             bridge.Limit
		replicas, periods int
	}{
		{bridge.Limit{Requests: 300, Window: 10 * time.Second}, 1, 20},
		{bridge.Limit{Requests: 300, Window: 10 * time.Second}, ownShare, 20},
		{bridge.Limit{Requests: 4, Window: time.Minute}, 1, 200},
		{bridge.Limit{Requests: 8, Window: time.Minute}, ownShare, 2}, // to go back is not promised
	} {
		t.Run(fmt.Sprint(c.limit, " with ", c.replicas), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, d := newMemory(), destination(t, c.limit)
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				var sent sendTimes
				for n := range c.replicas {
					g := m.join(testConfig(fmt.Sprint(n)))
					g.store = &reluctant{m, time.Duration(n) * 30 * time.Millisecond}
					all.Go(func() { send(ctx, g, d, 10, &sent) })
				}
				before := 0
				for i := range c.periods {
					m.failWith([]error{nil, errFull}[i%2])
					time.Sleep(91*time.Second + time.Duration(i)*777*time.Millisecond)
					n := len(sent.sorted())
					if n == before {
						t.Errorf("no request in period %d", i)
					}
					before = n
				}
				cancel()
				all.Wait()
				checkLimit(t, sent.sorted(), c.limit)
			})
		})
	}
}

// reluctant is a bucket that takes its time to refuse a change.
type reluctant struct {
	store
	pause time.Duration
}

func (r *reluctant) update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	revision, err := r.store.update(ctx, key, value, revision)
	if errors.Is(err, errFull) {
		time.Sleep(r.pause)
	}
	return revision, err
}

// TestProbeIsNotKeptWaitingByThoseThatWaitForThePace: requests that waited for
// their instants as the hold began gave them to nobody, and while the probe
// queued behind them its life ran out, so that others probed as well.
func TestProbeIsNotKeptWaitingByThoseThatWaitForThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, bridge.Limit{Requests: 10, Window: time.Minute})
		a, b := m.join(testConfig("a")), m.join(testConfig("b"))
		pass := mustEnter(t, a, d, 1)
		through := []<-chan bridge.Pass{enter(t, b, d, 100)}
		for n := 2; n <= 17; n++ {
			through = append(through, enter(t, a, d, n))
		}
		synctest.Wait()
		a.Leave(t.Context(), d, message(1), pass, tooMany)
		var probes []time.Time
		for range 60 {
			time.Sleep(time.Second)
			synctest.Wait()
			for _, c := range through {
				select {
				case p := <-c:
					if !p.Probe {
						t.Error("went through a held gate")
					}
					probes = append(probes, time.Now())
				default:
				}
			}
		}
		for i := range len(probes) - 1 {
			if apart := probes[i+1].Sub(probes[i]); apart < probeLife {
				t.Errorf("a probe %s after another, which has %s to be answered", apart, probeLife)
			}
		}
		if len(probes) < 2 {
			t.Errorf("%d probes in a minute", len(probes))
		}
		a.Leave(t.Context(), d, message(1), bridge.Pass{Probe: true}, delivered)
		time.Sleep(time.Hour) // all go through
	})
}
