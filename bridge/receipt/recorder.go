package receipt

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// queueLength is how many receipts wait for the network at the most: half a
// second's worth at the speed at which one process can deliver, which is what a
// server in full work may take for an answer, and minutes' worth on a busy day.
// All of them are about five megabytes.
const queueLength = 16384

// Config is what a Recorder works with. Every field is required.
type Config struct {
	JetStream jetstream.JetStream
	// Stream is the name of the stream of receipts. It need not exist yet.
	Stream string
	// Replica is this process's id.
	Replica string
	Logger  *slog.Logger
}

// Recorder writes receipts. Its methods may be called from any goroutine. A nil
// Recorder writes none, for a bridge whose receipts are off.
type Recorder struct {
	cfg     Config
	queue   chan *receipt
	dropped atomic.Uint64
	grace   time.Duration // bounds how long the last receipts hold up the end

	// The rest is Run's alone.
	form    *form
	way     confirmations // of the receipts on their way
	refused *receipt      // the receipt that was not stored, while there is trouble
	retry   time.Time     // when it is offered again
	trouble error         // why it was refused, or the last was not sent
	told    uint64        // how many dropped receipts the log knows of
	toldAt  time.Time
	toldWhy string
}

// New returns a Recorder that publishes once it runs.
func New(c Config) *Recorder {
	return &Recorder{
		cfg: c, grace: stopTimeout, queue: make(chan *receipt, queueLength), form: newForm(c.Replica),
		way: confirmations{stream: c.Stream, timeout: confirmTimeout},
	}
}

// Settled writes the receipt of an event. It never waits. It has the form of a
// stream's observer.
func (r *Recorder) Settled(route string, m bridge.Message, v bridge.Verdict) {
	if r == nil || v.Outcome == bridge.HandedBack || v.EventID == "" {
		return
	}
	select {
	case r.queue <- newReceipt(route, m, v):
	default:
		r.dropped.Add(1)
	}
}

// Dropped returns how many receipts this process has lost, as far as it knows.
func (r *Recorder) Dropped() uint64 {
	if r == nil {
		return 0
	}
	return r.dropped.Load()
}
