package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// FuzzHold has three replicas post to a destination that answers anything, over a
// bucket that is slow, fails, is full, and loses confirmations, while replicas lose NATS
// and requests are never heard of again. No more than one probe of a hold is out at a time,
// nothing else passes a hold, and once all goes well the destination is released.
func FuzzHold(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			w := newHoldWorld(t, seed)
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for r, g := range w.gates {
				for n := range 3 {
					all.Go(func() { w.post(ctx, g, 10*r+n+1) })
				}
				all.Go(func() { w.disturb(ctx, g) })
			}
			time.Sleep(20 * time.Minute)
			w.calm()
			// The longest hold, two probes that were lost, the courtesy, and then some.
			time.Sleep(longest(9) + longestAsked + 3*probeLife + time.Minute)
			passed := w.passed()
			time.Sleep(time.Minute)
			cancel()
			all.Wait()
			w.checkReleased(passed)
		})
	})
}

// longestAsked is the longest Retry-After of the destination.
const longestAsked = 2 * time.Minute

// holdWorld is a destination and what its replicas share.
type holdWorld struct {
	t     *testing.T
	d     *bridge.Destination
	m     *memory
	gates []*Gate

	mu     sync.Mutex
	random *rand.Rand
	well   bool // everything goes well from now on
	probes []outProbe
	passes map[int]int // by event
}

// outProbe is a probe that is out.
type outProbe struct {
	event       int
	hold, since time.Time
}

func newHoldWorld(t *testing.T, seed uint64) *holdWorld {
	w := &holdWorld{
		t: t, d: destination(t, unlimitedPace), m: newMemory(),
		random: rand.New(rand.NewPCG(seed, 1)), passes: map[int]int{},
	}
	for r := range 3 {
		g := newGate(testConfig(fmt.Sprint(r)), &faultyStore{w.m, w})
		w.m.watchers = append(w.m.watchers, g)
		g.stop.resume()
		w.gates = append(w.gates, g)
	}
	return w
}

// roll is a number below n; with everything well it is 0, the good one.
func (w *holdWorld) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.well {
		return 0
	}
	return w.random.IntN(n)
}

func (w *holdWorld) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.well = true
}

// post posts an event again and again.
func (w *holdWorld) post(ctx context.Context, g *Gate, event int) {
	m := message(event)
	for ctx.Err() == nil {
		wait, stop := context.WithCancel(ctx)
		if w.roll(8) == 1 { // it is lost to another replica, say
			wait, stop = context.WithTimeout(ctx, time.Duration(w.roll(40))*time.Second)
		}
		pass, err := g.Enter(wait, w.d, m)
		stop()
		if err != nil {
			continue
		}
		w.enter(g, event, pass)
		time.Sleep(time.Duration(1+w.roll(140)*w.roll(140)) * time.Millisecond)
		a, heard := w.answer()
		w.leave(event)
		if heard {
			g.Leave(ctx, w.d, m, pass, a)
		}
		time.Sleep(time.Duration(1000+w.roll(3000)) * time.Millisecond)
	}
}

// answer is what the destination says, if anything is heard of it.
func (w *holdWorld) answer() (a bridge.Answer, heard bool) {
	a = []bridge.Answer{delivered, delivered, failed, failed, tooMany, gone, rejected, interrupted}[w.roll(8)]
	if a.Class == bridge.ClassBackpressure {
		a.RetryAfter = time.Duration(w.roll(2)) * longestAsked
	}
	return a, w.roll(10) != 1
}

func (w *holdWorld) enter(g *Gate, event int, pass bridge.Pass) {
	now := time.Now()
	w.m.mu.Lock()
	e, held := w.m.entries["hold."+w.d.URL.ID()]
	w.m.mu.Unlock()
	h, _ := g.Holding(w.d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passes[event]++
	if !pass.Probe {
		if held && e.created.Before(now.Add(-slowest)) {
			w.t.Errorf("event %d passes a hold that began %s ago", event, now.Sub(e.created))
		}
		return
	}
	for _, other := range w.probes {
		if other.hold.Equal(h.Since) && now.Sub(other.since) < probeLife-2*slowest {
			w.t.Errorf("event %d probes %s after event %d", event, now.Sub(other.since), other.event)
		}
	}
	w.probes = append(w.probes, outProbe{event, h.Since, now})
}

func (w *holdWorld) leave(event int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes = slices.DeleteFunc(w.probes, func(p outProbe) bool { return p.event == event })
}

// disturb has a replica lose NATS now and then, and its key replaced.
func (w *holdWorld) disturb(ctx context.Context, g *Gate) {
	for sleep(ctx, time.Duration(10+w.roll(100))*time.Second) == nil {
		switch w.roll(3) {
		case 1:
			g.Reconsider(ctx, w.d)
		case 2:
			g.Pause()
			w.m.watch(g, false)
			_ = sleep(ctx, time.Duration(w.roll(60))*time.Second)
			w.m.watch(g, true)
			g.stop.resume()
		}
	}
}

func (w *holdWorld) passed() map[int]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	passed := map[int]int{}
	for event, n := range w.passes {
		passed[event] = n
	}
	return passed
}

func (w *holdWorld) checkReleased(before map[int]int) {
	for r, g := range w.gates {
		if g.Held(w.d) {
			w.t.Errorf("replica %d holds the destination still", r)
		}
	}
	for event, n := range w.passed() {
		if n == before[event] {
			w.t.Errorf("event %d is stuck after %d passes", event, n)
		}
	}
	if n := len(w.passes); n != 9 {
		w.t.Errorf("%d events have ever passed, want 9", n)
	}
	for key := range w.m.entries {
		if strings.HasPrefix(key, "hold.") {
			w.t.Error("the bucket has the hold still")
		}
	}
}

// watch has a gate told of what changes or not; to begin with, of what there is.
func (m *memory) watch(g *Gate, on bool) {
	m.mu.Lock()
	m.watchers = slices.DeleteFunc(slices.Clone(m.watchers), func(other *Gate) bool { return other == g })
	if on {
		m.watchers = append(m.watchers, g)
	}
	held := map[string]entry{}
	for key, e := range m.entries {
		if id, ok := strings.CutPrefix(key, "hold."); ok {
			held[id] = e
		}
	}
	m.mu.Unlock()
	if !on {
		return
	}
	for id, o := range g.all() {
		if e, ok := held[id]; ok {
			o.present(e)
		} else {
			o.absent()
		}
	}
}

// slowest is how long a change of the bucket may take, either way.
const slowest = time.Second

// faultyStore is a bucket that is slow, fails, is full, and loses confirmations.
type faultyStore struct {
	*memory
	w *holdWorld
}

var errFaulty = errors.New("no answer")

// change makes a change that may fail before or after it is made.
func (s *faultyStore) change(change func() (uint64, error)) (uint64, error) {
	time.Sleep(time.Duration(s.w.roll(int(slowest/time.Millisecond))) * time.Millisecond)
	fault := s.w.roll(12)
	switch fault {
	case 1:
		return 0, errFaulty
	case 3:
		return 0, errFull
	}
	revision, err := change()
	time.Sleep(time.Duration(s.w.roll(int(slowest/time.Millisecond))) * time.Millisecond)
	if fault == 2 {
		return 0, errFaulty
	}
	return revision, err
}

func (s *faultyStore) create(ctx context.Context, key string, value []byte) (uint64, error) {
	return s.change(func() (uint64, error) { return s.memory.create(ctx, key, value) })
}

func (s *faultyStore) update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return s.change(func() (uint64, error) { return s.memory.update(ctx, key, value, revision) })
}

func (s *faultyStore) remove(ctx context.Context, key string, revision uint64) error {
	_, err := s.change(func() (uint64, error) { return 0, s.memory.remove(ctx, key, revision) })
	return err
}
