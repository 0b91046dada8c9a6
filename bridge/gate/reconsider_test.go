package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// TestReconsider: a hold that a new key may end is probed at once, one that the
// webhook asked for is kept.
func TestReconsider(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer bridge.Answer
		soon   bool
	}{{"misconfigured", gone, true}, {"backpressure", tooMany, false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, d := alone(), destination(t, unlimitedPace)
				g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tt.answer)
				through := enter(t, g, d, 2)
				if isThrough(through) {
					t.Fatal("the destination is not held")
				}
				start := time.Now()
				g.Reconsider(t.Context(), d)
				pass := <-through
				if took := time.Since(start); !pass.Probe || (took == 0) != tt.soon {
					t.Errorf("probe %t after %s", pass.Probe, took)
				}
				g.Leave(t.Context(), d, message(2), pass, delivered)
				if g.Held(d) {
					t.Error("held after the probe was accepted")
				}
			})
		})
	}
}
