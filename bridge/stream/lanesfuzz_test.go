package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// lanesOps are what may happen, with a number to choose by.
var lanesOps = []struct {
	name string
	do   func(w *lanesWorld, n int)
}{
	{"publish", func(w *lanesWorld, n int) { w.publish(fmt.Sprint(n % 3)) }},
	{"redeliver what is due", func(w *lanesWorld, n int) {
		if due := w.due(); len(due) > 0 {
			w.deliver(due[n%len(due)])
		}
	}},
	{"redeliver what is in hand", func(w *lanesWorld, n int) {
		if held := w.inHand(); len(held) > 0 {
			w.deliver(w.event(held[n%len(held)]))
		}
	}},
	{"start", func(w *lanesWorld, _ int) { w.start() }},
	{"decide", func(w *lanesWorld, n int) { w.decide(n) }},
	{"acknowledge", func(w *lanesWorld, n int) {
		if it := take1(&w.decided, n); it != nil {
			w.acknowledge(it)
		}
	}},
	{"put off", func(w *lanesWorld, n int) {
		if it := take1(&w.decided, n/4); it != nil {
			w.putOff(it, worldAckWait/2*(1<<(n%4)), n%2 == 0)
		}
	}},
	{"hand back", func(w *lanesWorld, n int) {
		if it := take1(&w.decided, n/4); it != nil && n%2 == 0 {
			w.again(it)
		} else if it != nil {
			w.giveBack(it, n%4 == 1)
		}
	}},
	{"time passes", func(w *lanesWorld, n int) { w.pass(worldAckWait/12*(1<<(n%8)), true, true) }},
	{"the server is silent", func(w *lanesWorld, n int) { w.pass(worldAckWait/12*(1<<(n%8)), n >= 8, false) }},
	{"delays are over", func(w *lanesWorld, n int) { w.recallDue(n%2 == 0) }},
	{"a note is removed", func(w *lanesWorld, n int) {
		if held := w.inHand(); len(held) > 0 {
			w.recalledByOthers(held[n/2%len(held)], n%2 == 0)
		}
	}},
	{"tend", func(w *lanesWorld, _ int) { w.q.notHeardOf(w.now); w.forsake() }},
	{"expire", func(w *lanesWorld, n int) { w.expire(uint64(n)) }},
	{"an event is removed", func(w *lanesWorld, n int) {
		if len(w.events) > 0 {
			w.events[n%len(w.events)].done = true
		}
	}},
	{"the route changes hands", func(w *lanesWorld, n int) {
		switch {
		case !w.serving:
			w.serve()
		case n == 0:
			w.forget()
		default:
			w.withdraw()
		}
	}},
}

// FuzzLanes runs programs, of which each byte says what happens next. Whatever that
// is, no event starts beside another of its key or before an older one, and
// none is stuck once things go well again.
func FuzzLanes(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 4, 5, 3}, true)
	f.Add([]byte{0, 16, 0x59, 2, 0x49, 3, 3}, false)       // silent twice, with a redelivery between
	f.Add([]byte{0, 3, 4, 0x1f, 0x07, 0x0f}, false)        // to be handed back as the route goes away
	f.Add([]byte{0, 3, 4, 0x1f, 0x06, 0x0f}, false)        // to be put off then
	f.Add([]byte{0, 0, 3, 4, 2, 6, 3, 4, 6, 0x0b}, false)  // brought back as it is put off
	f.Add([]byte{0, 3, 4, 0x16, 0x0e, 0x58, 0x0a}, false)  // removed while it is put off
	f.Add([]byte{0, 0, 3, 4, 6, 0x1d, 4, 4, 5, 5}, true)   // expires while it is put off
	f.Add([]byte{0, 3, 0x0f, 0x1f, 1, 4, 6, 0x1c}, false)  // a consumer that counts anew
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3, 4, 5}, 9), true) // busy
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		program := make([]byte, 40+r.IntN(160))
		for n := range program {
			program[n] = byte(r.UintN(256))
		}
		f.Add(program, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, program []byte, strict bool) {
		if len(program) > 250 {
			return
		}
		o := bridge.OrderingKey
		if strict {
			o = bridge.OrderingStrict
		}
		w := newLanesWorld(t, o)
		defer time.AfterFunc(patience, func() { panic("the lanes do not come to an end") }).Stop()
		for _, b := range program {
			op := lanesOps[b%16]
			w.log = append(w.log, fmt.Sprintf("%s %d", op.name, b/16))
			op.do(w, int(b/16))
			w.check()
		}
		w.finish()
	})
}
