package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// chaosHarm is something that was done to a process.
type chaosHarm struct {
	// kind is killed, stopped or frozen; name the process's over all its lives,
	// life the one that it happened to.
	kind, name, life string
	// from is when it began, to when the process, or its next life, was well.
	from, to time.Time
}

// overlaps reports whether it lasted into a span of time.
func (h chaosHarm) overlaps(from, to time.Time) bool { return h.from.Before(to) && h.to.After(from) }

// chaosHarms is all that was done.
type chaosHarms struct {
	mu  sync.Mutex
	all []chaosHarm
}

func (h *chaosHarms) add(one chaosHarm) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, one)
}

// noHarm is the index of none.
const noHarm = -1

// find returns the index of the first of a kind that lasted into a span of time.
func (h *chaosHarms) find(from, to time.Time, kind func(chaosHarm) bool) int {
	for i, one := range h.all {
		if one.overlaps(from, to) && kind(one) {
			return i
		}
	}
	return noHarm
}

// count returns how often each kind was done to bridges and to the server.
func (h *chaosHarms) count() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := map[string]int{}
	for _, one := range h.all {
		counts[one.title()]++
	}
	return counts
}

// title names the kind for the report.
func (h chaosHarm) title() string {
	if h.name == chaosServer {
		return "server " + h.kind
	}
	return "bridge " + h.kind
}

// harm does one thing after another to a process, with a pause between them,
// until ctx is done. It leaves the process running.
func (c *chaos) harm(ctx context.Context, p *chaosProcess, dice *rand.Rand, shortest, longest time.Duration) {
	deck := []chaosDeed{chaosKill, chaosStop, chaosFreeze}
	for {
		dice.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, do := range deck {
			if !c.harmOnce(ctx, p, dice, between(dice, shortest, longest), do) {
				return
			}
		}
	}
}

// chaosDeed does something to a process.
type chaosDeed func(context.Context, *chaosProcess, *rand.Rand) error

// harmOnce does one thing to a process after a pause. It reports whether there may
// be another.
func (c *chaos) harmOnce(ctx context.Context, p *chaosProcess, dice *rand.Rand, pause time.Duration, do chaosDeed) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.exited:
		c.t.Errorf("%s exited by itself: %v", p.life, p.status)
		return false
	case <-time.After(pause):
	}
	if err := do(ctx, p, dice); err != nil {
		c.t.Error(err)
		return false
	}
	return true
}

// chaosKill ends a process with SIGKILL and starts it again.
func chaosKill(ctx context.Context, p *chaosProcess, dice *rand.Rand) error {
	h := chaosHarm{kind: "killed", name: p.name, life: p.life, from: time.Now()}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.exited
	return p.again(ctx, h, between(dice, 0, time.Second))
}

// chaosStop ends a process with SIGTERM and starts it again.
func chaosStop(ctx context.Context, p *chaosProcess, dice *rand.Rand) error {
	h := chaosHarm{kind: "stopped", name: p.name, life: p.life, from: time.Now()}
	if err := p.stop(); err != nil {
		return err
	}
	return p.again(ctx, h, between(dice, 0, time.Second))
}

// chaosFreeze keeps a process from running for a while, mostly for longer than
// the ack wait.
func chaosFreeze(ctx context.Context, p *chaosProcess, dice *rand.Rand) error {
	h := chaosHarm{kind: "frozen", name: p.name, life: p.life, from: time.Now()}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	chaosPause(ctx, between(dice, chaosAckWait-time.Second, chaosAckWait+2*time.Second))
	if err := p.signal(syscall.SIGCONT); err != nil {
		return err
	}
	h.to = time.Now()
	p.harms.add(h)
	return nil
}

// again starts the next life after a while, and notes what ended the last.
func (p *chaosProcess) again(ctx context.Context, h chaosHarm, after time.Duration) error {
	chaosPause(ctx, after)
	err := p.start(context.WithoutCancel(ctx))
	h.to = time.Now()
	p.harms.add(h)
	return err
}

// between returns a duration between two.
func between(dice *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(dice.Int64N(int64(high-low)))
}
