package main

import (
	"slices"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

// TestLeadersOfTheClusterAreKilled kills whoever leads the consumer, the stream
// and the bucket, one after another, under load.
func TestLeadersOfTheClusterAreKilled(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, standin.Config{Delay: 20 * time.Millisecond})
	const requests, window = 300, time.Second
	env := []string{"BRIDGE_RATE_LIMIT=300/1s"} // paced by compare-and-set
	for range 3 {
		w.replica(env...)
	}
	w.threeCopies()
	l := w.load()
	l.goesOn(100)
	for _, of := range [][2]string{{"EVENTS", "payments"}, {"EVENTS", ""}, {"KV_makebridge", ""}} {
		leader := w.cluster.leader(of[0], of[1])
		w.cluster.kill(leader)
		l.goesOn(200)
		w.cluster.restart(leader)
		w.cluster.whole()
	}
	if again := l.judge(); len(again) > 0 {
		t.Errorf("accepted more than once: %v", again)
	}
	w.pacedAt(requests, window, 3*clusterConcurrency)
}

// threeCopies: with BRIDGE_STREAM_REPLICAS=3 the bridge makes three copies of
// everything that it cannot do without.
func (w *clusterWorld) threeCopies() {
	w.t.Helper()
	for _, of := range [][2]string{{"EVENTS", ""}, {"EVENTS_DLQ", ""}, {"KV_makebridge", ""}, {"EVENTS", "payments"}} {
		w.cluster.leader(of[0], of[1])
		if i := w.cluster.clusterInfo(w.t.Context(), of[0], of[1]); i == nil || len(i.Replicas) != clusterSize-1 {
			w.t.Errorf("%s has no %d copies: %+v", of, clusterSize, i)
		}
	}
}

// pacedAt looks at every sliding window of the requests. What is promised is the
// times of sending: those of which so many may be on their way as a window begins
// come within it, too, however long they linger.
func (w *world) pacedAt(requests int, window time.Duration, onTheirWay int) {
	w.t.Helper()
	arrivals := w.makecom.Arrivals()
	slices.SortFunc(arrivals, func(a, b standin.Arrival) int { return a.Time.Compare(b.Time) })
	for i, most := 0, requests+onTheirWay; i+most < len(arrivals); i++ {
		if gap := arrivals[i+most].Time.Sub(arrivals[i].Time); gap < window {
			w.t.Errorf("%d requests within %s", most+1, gap)
		}
	}
}

// TestServersOfTheClusterAreRestartedInTurn is an update of the servers under
// load.
func TestServersOfTheClusterAreRestartedInTurn(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, standin.Config{Delay: 20 * time.Millisecond})
	for range 3 {
		w.replica("BRIDGE_RATE_LIMIT=off")
	}
	l := w.load()
	l.goesOn(100)
	w.cluster.roll()
	l.goesOn(100)
	if again := l.judge(); len(again) > 0 {
		t.Errorf("accepted more than once: %v", again)
	}
}
