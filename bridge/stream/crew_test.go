package stream

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCrewIsAsLargeAsNeeded: it grows with the events that are handled at a
// time, uses again who is there, and lets go who has had nothing to do.
func TestCrewIsAsLargeAsNeeded(t *testing.T) {
	var all sync.WaitGroup
	handled, left := make(chan *item), make(chan struct{}, 8)
	started := 0
	w := newCrew(4, func(it *item, more <-chan *item) {
		started++
		all.Go(func() {
			for ; it != nil; it = <-more {
				handled <- it
			}
			left <- struct{}{}
		})
	})
	a, b := &item{}, &item{}
	w.take(a, 1)
	w.take(b, 2)
	for range 2 {
		<-handled
	}
	for range 100 { // one after another: nobody joins
		w.take(a, 1)
		<-handled
	}
	if started != 2 {
		t.Errorf("%d have joined for two events at a time", started)
	}
	begin := w.rested
	w.rest(begin.Add(crewRest/2), 1)
	if w.size != 2 {
		t.Errorf("somebody was let go before the time")
	}
	w.rest(begin.Add(crewRest), 1) // two were busy since
	w.rest(begin.Add(2*crewRest), 1)
	<-left
	if w.size != 1 {
		t.Errorf("%d are left, want one", w.size)
	}
	w.take(b, 1)
	if it := <-handled; it != b || started != 2 {
		t.Errorf("who is left has not handled the next event; %d have joined", started)
	}
	w.rest(begin.Add(3*crewRest), 0) // it was busy since
	w.rest(begin.Add(4*crewRest), 0)
	<-left
	w.take(a, 1)
	<-handled
	w.dismiss()
	all.Wait()
	if started != 3 {
		t.Errorf("%d have joined, want a third after all were let go", started)
	}
}

// TestCrewNeverKeepsItsOwnerWaiting: also where nobody is ready to take over.
func TestCrewNeverKeepsItsOwnerWaiting(t *testing.T) {
	var all sync.WaitGroup
	var handled atomic.Int64
	free := make(chan struct{})
	w := newCrew(1, func(it *item, more <-chan *item) {
		all.Go(func() {
			for ; it != nil; it = <-more {
				<-free
				handled.Add(1)
			}
		})
	})
	for range 16 {
		w.take(&item{}, 1)
	}
	w.rest(time.Now().Add(2*crewRest), 1)
	close(free)
	w.dismiss()
	all.Wait()
	if n := handled.Load(); n != 16 {
		t.Errorf("%d of 16 events handled", n)
	}
}

// TestWhatTheCrewHasNotBegunIsTakenBack: while everybody is busy it need not wait.
func TestWhatTheCrewHasNotBegunIsTakenBack(t *testing.T) {
	var all sync.WaitGroup
	begun, free := make(chan *item, 8), make(chan struct{})
	w := newCrew(4, func(it *item, more <-chan *item) {
		all.Go(func() {
			for ; it != nil; it = <-more {
				begun <- it
				<-free
			}
		})
	})
	first, second, third := &item{}, &item{}, &item{}
	w.take(first, 1)
	if it := <-begun; it != first {
		t.Error("another event than the first is begun")
	}
	w.take(second, 1)
	w.take(third, 1)
	if left := w.left(); len(left) != 2 || left[0] != second || left[1] != third {
		t.Errorf("%d events taken back, want the second and the third", len(left))
	}
	close(free)
	w.dismiss()
	all.Wait()
	if len(begun) != 0 {
		t.Errorf("%d events handled that were taken back", len(begun))
	}
}

// TestCrewIsReinforcedWhereNobodyGetsDone: what was to wait for somebody is begun.
func TestCrewIsReinforcedWhereNobodyGetsDone(t *testing.T) {
	var begun []*item
	w := newCrew(4, func(first *item, _ <-chan *item) { begun = append(begun, first) }) // who never gets done
	a, b, c := testItem(), testItem(), testItem()
	for _, it := range []*item{a, b, c} {
		w.take(it, 1)
	}
	w.reinforce(1)
	if len(begun) != 1 {
		t.Fatalf("%d are begun, want the first alone", len(begun))
	}
	w.reinforce(2)
	w.reinforce(4)
	w.reinforce(4)
	if !slices.Equal(begun, []*item{a, b, c}) || len(w.left()) != 0 || w.size != 3 {
		t.Errorf("%d are begun by %d, want all", len(begun), w.size)
	}
}
