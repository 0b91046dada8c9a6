package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// TestPacedTellsWaitsForThePaceOnly: holds and pauses are no such waits.
func TestPacedTellsWaitsForThePaceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// An instant every two seconds and a bit.
		g, d := alone(), destination(t, bridge.Limit{Requests: 5, Window: 10 * time.Second})
		var waited time.Duration
		p := g.Paced(func(w time.Duration) { waited += w })
		g.Pause()
		time.AfterFunc(time.Hour, g.stop.resume)
		pass, err := p.Enter(t.Context(), d, message(1))
		if err != nil || waited != 0 {
			t.Fatalf("waited %s for the pace and an hour for NATS: %v", waited, err)
		}
		if err := p.Again(t.Context(), d); err != nil || waited < 2*time.Second || waited > 3*time.Second {
			t.Fatalf("the second request waited %s: %v", waited, err)
		}
		waited = 0
		time.Sleep(time.Minute)
		p.Leave(t.Context(), d, message(1), pass, tooMany)
		start := time.Now()
		pass, err = p.Enter(t.Context(), d, message(2))
		if held := time.Since(start); err != nil || !pass.Probe || waited != 0 || held == 0 {
			t.Fatalf("waited %s for the pace and %s for a hold: %v", waited, held, err)
		}
		p.Leave(t.Context(), d, message(2), pass, delivered)
		if err := p.Again(t.Context(), destination(t, unlimitedPace)); err != nil || waited != 0 {
			t.Fatalf("waited %s where there is no limit: %v", waited, err)
		}
	})
}

func TestHoldingSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := alone(), destination(t, unlimitedPace)
		if h, held := g.Holding(d); held {
			t.Fatalf("held at the start: %+v", h)
		}
		g.Leave(t.Context(), d, message(1), mustEnter(t, g, d, 1), tooMany)
		if h, held := g.Holding(d); !held || h.Reason != "backpressure" || h.Status != 429 {
			t.Fatalf("%t, %+v", held, h)
		}
		time.Sleep(longest(0))
		g.Leave(t.Context(), d, message(2), mustEnter(t, g, d, 2), delivered)
		if h, held := g.Holding(d); held {
			t.Fatalf("held after it recovered: %+v", h)
		}
	})
}
