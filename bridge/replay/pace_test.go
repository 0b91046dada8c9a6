package replay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

func TestPaceSpreadsEvenlyAndCatchesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(bridge.Limit{Requests: 5, Window: time.Second})
		start := time.Now()
		for range 11 {
			p.wait(t.Context(), nil)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("11 took %s, want 2s", took)
		}
		time.Sleep(time.Minute)
		start = time.Now()
		p.wait(t.Context(), nil)
		p.wait(t.Context(), nil)
		if took := time.Since(start); took != 200*time.Millisecond {
			t.Errorf("after a pause, two took %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if p.wait(ctx, nil) {
			t.Error("it goes on although it was to stop")
		}
	})
}
