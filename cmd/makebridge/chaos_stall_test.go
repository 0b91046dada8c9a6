package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// tellStalls, in the environment, has a process say on standard error for how
	// long it stood still, as a machine that has others to serve makes it: that is
	// a harm which nobody did. Its value is the life of the process.
	tellStalls = "MAKEBRIDGE_TEST_TELL_STALLS"
	// chaosTick is how often a process looks at the clock, and chaosLate by how much
	// it is late where it stood still: enough to matter, beside an ack wait of two
	// seconds and a request that may take one.
	chaosTick = 50 * time.Millisecond
	chaosLate = 300 * time.Millisecond
)

// chaosStall is a time in which a process stood still.
type chaosStall struct {
	Life string    `json:"stalled"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// watchStalls calls told for each time in which this process stands still, until done
// is closed.
func watchStalls(done <-chan struct{}, told func(from, to time.Time)) {
	tick := time.NewTicker(chaosTick)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-tick.C:
		case <-done:
			return
		}
		now := time.Now()
		if now.Sub(last) > chaosTick+chaosLate {
			told(last, now)
		}
		last = now
	}
}

// writeStalls is watchStalls for a process whose log is read, if it is to tell.
func writeStalls(w io.Writer) {
	life := os.Getenv(tellStalls)
	if life == "" {
		return
	}
	go watchStalls(nil, func(from, to time.Time) {
		line, err := json.Marshal(chaosStall{life, from, to})
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, "%s\n", line) // in one write: others write there as well
	})
}

// watch notes when this process stands still, until stop is called.
func (c *chaos) watch() (stop func()) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		watchStalls(done, func(from, to time.Time) { c.stalls = append(c.stalls, chaosStall{From: from, To: to}) })
	})
	return func() { close(done); watching.Wait() }
}

// notice has every stall count as the harm that it is: the process was frozen. What
// froze it on purpose is known already. Where this process stood still, which is the
// webhooks, it was for all bridges as if they had.
func (c *chaos) notice() {
	var stalls []chaosHarm
	for _, p := range c.bridges {
		stalls = append(stalls, p.stalls(p.name)...)
		for _, s := range c.stalls {
			for n := 1; n <= p.lives; n++ {
				stalls = append(stalls, s.harm(p.name, fmt.Sprintf("%s.%d", p.name, n)))
			}
		}
	}
	for _, p := range c.servers {
		stalls = append(stalls, p.stalls(chaosServer)...)
	}
	for _, h := range stalls {
		known := func(other chaosHarm) bool { return other.kind == h.kind && other.life == h.life }
		if c.harms.find(h.from, h.to, known) == noHarm {
			c.harms.add(h)
		}
	}
	c.t.Logf("processes stood still %d times, on purpose or by the machine", len(stalls))
}

// stalls reads from the log when the process stood still, in all its lives.
func (p *chaosProcess) stalls(name string) (all []chaosHarm) {
	for line := range bytes.Lines(p.text()) {
		var s chaosStall
		if bytes.HasPrefix(line, []byte(`{"stalled":`)) && json.Unmarshal(line, &s) == nil {
			all = append(all, s.harm(name, s.Life))
		}
	}
	return all
}

func (s chaosStall) harm(name, life string) chaosHarm {
	return chaosHarm{kind: "frozen", name: name, life: life, from: s.From, to: s.To}
}
