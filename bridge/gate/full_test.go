package gate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFullStorageKeepsNoDestinationHeld: a hold that the server refuses to store is
// probed all the same, by one request of this replica at a time, and ends.
func TestFullStorageKeepsNoDestinationHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		g, logs := m.joinLogging("a")
		m.failWith(errFull)
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		first := enter(t, g, d, 1)
		synctest.Wait()
		second := enter(t, g, d, 2)
		synctest.Wait()
		third := enter(t, g, d, 3)
		synctest.Wait()
		if n := len(first) + len(second) + len(third); n != 0 {
			t.Fatalf("%d went through a held gate", n)
		}
		pass := <-first
		if n := len(second) + len(third); n != 0 || !pass.Probe {
			t.Fatalf("%d beside the first event, which is the probe: %t", n, pass.Probe)
		}
		g.Leave(t.Context(), d, message(1), pass, failed)
		first = enter(t, g, d, 1)
		pass = <-second
		if n := len(first) + len(third); n != 0 || !pass.Probe {
			t.Fatalf("%d beside the second event, which is the probe: %t", n, pass.Probe)
		}
		g.Leave(t.Context(), d, message(2), pass, delivered)
		if !isThrough(first) || !isThrough(third) || g.Held(d) {
			t.Fatal("not released by the probe's 2xx")
		}
		if n := strings.Count(logs.String(), "hold not shared"); n != 1 {
			t.Errorf("it is said %d times that the hold is not shared:\n%s", n, logs.String())
		}
	})
}

// TestHoldThatAFullStorageHasIsReleasedLater: the bucket has it from before, so other
// replicas know it, and only there is it released for all. Meanwhile that is said once.
func TestHoldThatAFullStorageHasIsReleasedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		g, logs := m.joinLogging("a")
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		m.failWith(errFull)
		waiting := enter(t, g, d, 1)
		time.Sleep(time.Minute)
		if isThrough(waiting) {
			t.Fatal("probed without a word to others")
		}
		if n := strings.Count(logs.String(), "hold not shared yet"); n != 1 {
			t.Errorf("it is said %d times:\n%s", n, logs.String())
		}
		m.failWith(nil)
		g.Leave(t.Context(), d, message(1), <-waiting, delivered)
		if g.Held(d) {
			t.Error("not released")
		}
	})
}
