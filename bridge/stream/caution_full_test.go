package stream

import (
	"context"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestMarkThatAFullStorageKeepsKeepsNobody: its event is settled, and a stop waits for
// nothing more.
func TestMarkThatAFullStorageKeepsKeepsNobody(t *testing.T) {
	b := newBed(t, embedded.Config{ConfigFile: testbed.LittleStorage(t, "4MB")})
	b.createBucket()
	b.grace = 2 * testbed.Patience
	settings := testSettings()
	settings.Subjects = append(settings.Subjects, "fill.>")
	flying, land := make(chan struct{}), make(chan struct{})
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if m.Delivery == 1 {
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 100 * time.Millisecond}
		}
		unmark := m.Caution.Mark(ctx) // as before each request of such an event
		close(flying)
		<-land
		unmark()
		return accept(ctx, m)
	}, testRoute(t, "payments", 1))
	b.publish("payments.success", "1")
	<-flying
	testbed.Fill(t, b.client(), "fill.x")
	close(land)
	eventually(t, "the delivery", func() bool { return r.count(bridge.Delivered) == 1 })
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	eventually(t, "the bridge to stop", func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	})
}
