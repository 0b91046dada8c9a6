package gate

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHoldsAreAnnouncedOnce: by the replica that has changed the bucket, when a
// hold begins, when somebody has to mend the destination, and when it works.
func TestHoldsAreAnnouncedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		var told []string
		join := func(name string) *Gate {
			c := testConfig(name)
			c.Held = func(id string, h Hold) {
				told = append(told, fmt.Sprint(name, " holds ", id == d.URL.ID(), " ", h.Destination, " ", h.Reason, " ", h.Status))
			}
			c.Recovered = func(id string, h Hold, held time.Duration) {
				told = append(told, fmt.Sprint(name, " released ", id == d.URL.ID(), " ", h.Destination, " ", held >= minHold))
			}
			return m.join(c)
		}
		a, b := join("a"), join("b")
		inFlight := mustEnter(t, b, d, 2)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), tooMany)
		b.Leave(t.Context(), d, message(2), inFlight, tooMany) // held already
		b.Leave(t.Context(), d, message(2), mustEnter(t, b, d, 2), failed)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), gone)
		b.Leave(t.Context(), d, message(2), mustEnter(t, b, d, 2), gone)
		a.Leave(t.Context(), d, message(1), mustEnter(t, a, d, 1), delivered)
		name := d.URL.String()
		want := []string{
			"a holds true " + name + " backpressure 429",
			"a holds true " + name + " misconfigured 410",
			"a released true " + name + " true",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestHoldWithoutNATSIsAnnouncedOnceItIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := newMemory(), destination(t, unlimitedPace)
		held := 0
		c := testConfig("a")
		c.Held = func(string, Hold) { held++ }
		g := m.join(c)
		pass := mustEnter(t, g, d, 1)
		m.failWith(errors.New("away"))
		g.Leave(t.Context(), d, message(1), pass, gone)
		if held != 0 {
			t.Error("told of a hold that no other replica knows of")
		}
		m.failWith(nil)
		mustEnter(t, g, d, 2)
		if held != 1 {
			t.Errorf("told %d times", held)
		}
	})
}
