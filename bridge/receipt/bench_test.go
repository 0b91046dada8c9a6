package receipt

import (
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// BenchmarkSettled is what receipts cost the goroutine that settles an event,
// and, beside it, the one that publishes. Receipts that are dropped would make
// it look cheap, so the benchmark waits for room.
func BenchmarkSettled(b *testing.B) {
	m, v := event(), delivered("0197c9d5-7d2c-7a51-b2ea-4c3a5a6f9f10")
	b.Run("off", func(b *testing.B) {
		var r *Recorder
		b.ReportAllocs()
		for b.Loop() {
			r.Settled("payments", m, v)
		}
	})
	b.Run("queue alone", func(b *testing.B) {
		r := New(Config{})
		b.ReportAllocs()
		for b.Loop() {
			r.Settled("payments", m, v)
			<-r.queue
		}
	})
	b.Run("published to a server", func(b *testing.B) {
		js := dial(b, startServer(b, embedded.Config{}).URL())
		createStream(b, js)
		r, stop := run(b, js, &logBuffer{})
		b.ReportAllocs()
		for b.Loop() {
			for len(r.queue) == queueLength {
			}
			r.Settled("payments", m, v)
		}
		stop()
		b.ReportMetric(float64(r.Dropped())/float64(b.N), "dropped/op")
	})
}

// BenchmarkMessage is what the goroutine that publishes does.
func BenchmarkMessage(b *testing.B) {
	r := newReceipt("payments", event(), delivered("0197c9d5-7d2c-7a51-b2ea-4c3a5a6f9f10"))
	b.ReportAllocs()
	f, size := newForm("replica"), 0
	for b.Loop() {
		size = f.fill(r, "").Size()
	}
	b.ReportMetric(float64(size), "bytes/receipt")
}

// BenchmarkFullSpeed settles events as fast as one process can deliver on
// loopback: it ends when every
// receipt is stored that was not dropped here.
//
//	go test -run '^$' -bench FullSpeed -benchtime 200000x ./bridge/receipt
func BenchmarkFullSpeed(b *testing.B) {
	const perMillisecond = 33
	js := dial(b, startServer(b, embedded.Config{}).URL())
	s := createStream(b, js)
	r, stop := run(b, js, &logBuffer{})
	m, v := event(), delivered("0197c9d5-7d2c-7a51-b2ea-4c3a5a6f9f10")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin, settled := time.Now(), 0
	for settled < b.N {
		<-tick.C
		for due := min(b.N, perMillisecond*int(time.Since(begin).Milliseconds())); settled < due; settled++ {
			r.Settled("payments", m, v)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "receipts/s")
	stop()
	dropped := r.Dropped()
	eventually(b, "the receipts", func() bool {
		info, err := s.Info(b.Context())
		return err == nil && info.State.Msgs+dropped == uint64(b.N)
	})
	b.ReportMetric(float64(dropped), "dropped")
}
