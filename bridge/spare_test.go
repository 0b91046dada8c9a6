package bridge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slow takes a second for each delivery.
type slow struct{ now, most, all atomic.Int32 }

func (s *slow) Deliver(context.Context, Request, func(context.Context) error) Answer {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	s.all.Add(1)
	time.Sleep(time.Second)
	return Answer{Class: ClassDelivered, Status: 200, Attempts: 1}
}

// TestSpareEventIsNotPostedBesideAnother: whoever is through the gate.
func TestSpareEventIsNotPostedBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, s := testRoute(t), &slow{}
		route.Concurrency = 1
		p := NewPipeline(Config{route, s, &openGate{}, testPolicy, ValidationEnforce, nil})
		m := exampleMessage(t, "payment.success", "payments.success")
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if v := p.Handle(t.Context(), m); v.Outcome != Delivered || v.Attempts != 1 {
					t.Errorf("verdict %+v", v)
				}
			})
		}
		all.Wait()
		if s.most.Load() != 1 || s.all.Load() != 2 {
			t.Errorf("%d of %d requests in flight at a time, want 1 of 2", s.most.Load(), s.all.Load())
		}
	})
}

// TestSpareEventIsWantedForEachThatFailedAsTheProbe while the destination is held.
func TestSpareEventIsWantedForEachThatFailedAsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, answers := &probingGate{}, make(chan Answer)
		gate.held.Store(true)
		p := NewPipeline(Config{testRoute(t), answering(answers), gate, testPolicy, ValidationEnforce, nil})
		m := exampleMessage(t, "payment.success", "payments.success")
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { p.Handle(t.Context(), m) })
		}
		failed := Answer{Class: ClassFailed, Status: 500, Attempts: 1}
		for n, a := range []Answer{{Class: ClassBackpressure, Status: 429, Attempts: 1}, failed, failed} {
			if got := p.Spare(); got != max(0, n-1) {
				t.Errorf("%d spare events are wanted after %d answers, want %d", got, n, max(0, n-1))
			}
			answers <- a
			synctest.Wait()
		}
		if got := p.Spare(); got < 1 || got > 2 { // one of them may have failed twice
			t.Errorf("%d spare events are wanted at the end", got)
		}
		gate.held.Store(false)
		if got := p.Spare(); got != 0 {
			t.Errorf("%d spare events are wanted though nothing is held", got)
		}
		delivered := Answer{Class: ClassDelivered, Status: 200, Attempts: 1}
		answers <- delivered
		answers <- delivered
		all.Wait()
		gate.held.Store(true)
		if got := p.Spare(); got != 0 {
			t.Errorf("%d spare events are wanted for none", got)
		}
	})
}

// probingGate has every request be the probe.
type probingGate struct {
	openGate
	held atomic.Bool
}

func (g *probingGate) Enter(ctx context.Context, _ *Destination, _ Message) (Pass, error) {
	return Pass{Probe: true}, ctx.Err()
}

func (g *probingGate) Held(*Destination) bool { return g.held.Load() }

func (g *probingGate) Leave(context.Context, *Destination, Message, Pass, Answer) {}

// answering delivers nothing before there is an answer to give.
type answering chan Answer

func (a answering) Deliver(context.Context, Request, func(context.Context) error) Answer { return <-a }

func TestSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Slot
		end, ok := s.Take()
		if !ok {
			t.Fatal("a new slot is not free")
		}
		if _, ok := s.Take(); ok {
			t.Fatal("taken twice")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var left, free error = nil, errors.New("still waiting")
		go func() { left = s.Await(ctx) }()
		go func() { free = s.Await(t.Context()) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(left, context.Canceled) || free == nil {
			t.Errorf("%v for one who leaves, %v for one who stays", left, free)
		}
		end()
		synctest.Wait()
		if free != nil {
			t.Errorf("%v when it is free", free)
		}
		if _, ok := s.Take(); !ok {
			t.Error("not free again")
		}
	})
}
