package webhook

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// BenchmarkHeader builds and signs requests.
func BenchmarkHeader(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KiB", 1 << 10}, {"5MiB", 5 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			r := newEvent(b, "https://hook.test/abcdef")
			r.Body = bytes.Repeat([]byte("x"), size.bytes)
			r.Destination.APIKey = bridge.NewSecret("key-1")
			r.Destination.SigningKeys = []bridge.Secret{bridge.NewSecret("one")}
			at := time.Now()
			b.SetBytes(int64(size.bytes))
			b.ReportAllocs()
			for b.Loop() {
				newHeader("makebridge/1.2.3", &r, r.TraceParent, r.TraceState, 1, at)
			}
		})
	}
}

// BenchmarkDeliver posts to a server in the same process, whose allocations
// count as well.
func BenchmarkDeliver(b *testing.B) {
	s, _ := newServer(b, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("Accepted"))
	})
	c := newClient(b, Config{MaxConns: 64})
	r := newEvent(b, s.URL+"/abcdef")
	r.Destination.SigningKeys = []bridge.Secret{bridge.NewSecret("one")}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a := c.Deliver(b.Context(), r, goOn); a.Class != bridge.ClassDelivered {
				b.Errorf("answer %+v", a)
			}
		}
	})
}
