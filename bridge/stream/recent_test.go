package stream

import "testing"

func TestRecentKnowsTheLatestEvents(t *testing.T) {
	event := func(n int) identity { return identity{uint64(n), int64(1000 * n)} }
	var r recent
	if r.has(event(1)) {
		t.Error("an empty one knows an event")
	}
	for n := range mostRecent + 10 {
		r.add(event(n))
	}
	for n := range mostRecent + 20 {
		if got, want := r.has(event(n)), 10 <= n && n < mostRecent+10; got != want {
			t.Errorf("event %d: known %t, want %t", n, got, want)
		}
	}
	again := event(mostRecent)
	again.published++ // of a stream that was deleted and created again
	if r.has(again) {
		t.Error("knows another event of the same sequence")
	}
	r.add(event(3)) // older than all that it holds
	if !r.has(event(3)) {
		t.Error("does not know an event that was accepted out of order")
	}
	if r.has(event(10)) {
		t.Error("has not forgotten the oldest")
	}
	if got := len(r.ring); got != mostRecent {
		t.Errorf("holds %d events, want %d", got, mostRecent)
	}
}

// BenchmarkRecent is what the memory of accepted events costs each event:
// one that is new, as nearly all are, and one that came before all it holds.
func BenchmarkRecent(b *testing.B) {
	full := func() (r recent, n int) {
		for n = range 2 * mostRecent {
			r.add(identity{uint64(n), int64(n)})
		}
		return r, n
	}
	b.Run("new", func(b *testing.B) {
		r, n := full()
		for b.Loop() {
			n++
			id := identity{uint64(n), int64(n)}
			if r.has(id) {
				b.Fatal("known")
			}
			r.add(id)
		}
	})
	b.Run("delivered again", func(b *testing.B) {
		r, _ := full()
		for b.Loop() {
			if r.has(identity{1, 1}) {
				b.Fatal("known")
			}
		}
	})
}
