package stream

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// FuzzAcks has acknowledgements sent, lost, refused, repeated, stranded, and confirmed,
// twice and late, in any order. Each ends once: confirmed if it was, else when all are given up.
func FuzzAcks(f *testing.F) {
	nc := testbed.Connect(f, testbed.StartServer(f, embedded.Config{}).URL()).Conn()
	logs := &testbed.Log{}
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := &acksWorld{t: t, random: rand.New(rand.NewPCG(seed, 2)), now: time.Now()}
		w.a = newAcks(nc, nil, w.send, logs.Logger(slog.LevelDebug))
		for range 200 {
			w.step()
			w.check()
		}
		w.a.end()
		w.check()
		w.hear(true)
		w.start()
		for n, done := range w.done {
			if done != 1 {
				t.Errorf("acknowledgement %d is done %d times", n+1, done)
			}
		}
		if n := w.a.on.Load(); n != 0 {
			t.Errorf("%d on their way when all are done", n)
		}
	})
}

// acksWorld is acknowledgements with a server of the test's own.
type acksWorld struct {
	t         *testing.T
	a         *acks
	random    *rand.Rand
	now       time.Time
	replies   []string // of all that the server got, ever
	done      []int    // how often each has ended
	confirmed int      // how many
}

func (w *acksWorld) send(_ *item, reply string) error {
	switch w.random.IntN(4) {
	case 0:
		return errors.New("not sent")
	case 1:
		return nil // lost
	}
	w.replies = append(w.replies, reply)
	return nil
}

func (w *acksWorld) start() {
	n := len(w.done)
	w.done = append(w.done, 0)
	w.a.start(&item{}, func(_ *item, confirmed bool) {
		w.done[n]++
		if confirmed {
			w.confirmed++
		}
	})
}

// hear is an answer to something that was sent, some time ago and maybe twice.
func (w *acksWorld) hear(confirms bool) {
	if len(w.replies) == 0 {
		return
	}
	m := &nats.Msg{Subject: w.replies[w.random.IntN(len(w.replies))]}
	if !confirms {
		m.Header = nats.Header{"Status": {"503"}}
	}
	w.a.hear(m)
}

func (w *acksWorld) step() {
	switch w.random.IntN(6) {
	case 0, 1:
		w.start()
	case 2, 3:
		w.hear(true)
	case 4:
		w.hear(false)
	default:
		if w.random.IntN(10) == 0 {
			w.a.strand(nil)
		}
		w.now = w.now.Add(time.Duration(w.random.IntN(int(2 * ackTimeout))))
		w.a.repeat(w.now, w.random.IntN(8) == 0)
	}
}

// check compares what is on its way with what has ended.
func (w *acksWorld) check() {
	w.t.Helper()
	ended := 0
	for n, done := range w.done {
		if done > 1 {
			w.t.Fatalf("acknowledgement %d is done %d times", n+1, done)
		}
		ended += done
	}
	stranded := 0
	for _, a := range w.a.waiting {
		if a.stranded {
			stranded++
		}
	}
	if on := int(w.a.on.Load()) + stranded; on != len(w.done)-ended || on != len(w.a.waiting) {
		w.t.Fatalf("%d of %d have ended, %d are on their way and %d waited for", ended, len(w.done), on, len(w.a.waiting))
	}
}
