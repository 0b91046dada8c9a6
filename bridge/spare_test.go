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

func TestSpareEventIsWantedAtAHeldGate(t *testing.T) {
	for _, row := range []struct {
		concurrency int
		held, want  bool
	}{{1, true, true}, {1, false, false}, {2, true, false}} {
		route := testRoute(t)
		route.Concurrency = row.concurrency
		p := NewPipeline(Config{route, &slow{}, &openGate{held: row.held}, testPolicy, ValidationEnforce, nil})
		if got := p.Spare(); got != row.want {
			t.Errorf("concurrency %d, held %t: spare %t, want %t", row.concurrency, row.held, got, row.want)
		}
	}
}

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
