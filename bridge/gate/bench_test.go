package gate

import (
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// BenchmarkOpenGate is what an event pays at a gate that is open: nothing held,
// no limit. It has to be next to nothing.
func BenchmarkOpenGate(b *testing.B) {
	g := newMemory().join(testConfig("bench"))
	u, err := bridge.ParseWebhookURL("https://hook.example.com/abc", false)
	if err != nil {
		b.Fatal(err)
	}
	d, m := &bridge.Destination{URL: u}, bridge.Message{Sequence: 1, Published: time.Now()}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			pass, err := g.Enter(b.Context(), d, m)
			if err != nil {
				b.Error(err)
				return
			}
			g.Leave(b.Context(), d, m, pass, delivered)
		}
	})
}
