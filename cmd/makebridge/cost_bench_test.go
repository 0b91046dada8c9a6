//go:build unix

package main

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkCost is the whole bridge with something switched off, or on, by a
// setting: what that costs is the difference. The processor time is that of
// bridge, server and webhook together. One measurement proves little: take the
// medians of several.
//
//	go test -run '^$' -bench Cost -benchtime 50000x -count 5 ./cmd/makebridge
func BenchmarkCost(b *testing.B) {
	for _, c := range []struct {
		name     string
		settings []string
	}{
		{"as it ships, logging warnings", nil},
		{"without receipts", []string{"BRIDGE_RECEIPTS=off"}},
		{"without validation", []string{"BRIDGE_VALIDATION=off"}},
		{"logging each event", []string{"BRIDGE_LOG_LEVEL=info"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var before time.Duration
			rate := drain(b, func(b *testing.B, nats, webhook string) (stop func()) {
				before = processorTime(b)
				return runWith(b, nats, webhook, c.settings...)
			})
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate, "events/s")
			b.ReportMetric((processorTime(b)-before).Seconds()*10_000/float64(b.N), "cpu-s/10k")
		})
	}
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
