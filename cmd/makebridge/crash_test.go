package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// supervised is a bridge as a process that is started again whenever it ends.
type supervised struct {
	mu     sync.Mutex
	now    *exec.Cmd
	deaths int
	ended  bool
	done   chan struct{}
}

func (w *world) supervise(env ...string) *supervised {
	s := &supervised{now: w.process(env...), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			_ = s.now.Wait() // nobody else writes now
			s.mu.Lock()
			if s.ended {
				s.mu.Unlock()
				return
			}
			s.deaths++
			s.now = w.process(env...)
			s.mu.Unlock()
		}
	}()
	return s
}

// kill ends the process, which cannot do anything about it.
func (s *supervised) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.now.Process.Kill()
}

func (s *supervised) end() (deaths int) {
	s.mu.Lock()
	s.ended = true
	_ = s.now.Process.Kill()
	s.mu.Unlock()
	<-s.done
	return s.deaths
}

// TestEventThatKillsTheProcess becomes a letter, and those that were in hand
// with it as the process died are delivered.
func TestEventThatKillsTheProcess(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	bridge := make(chan *supervised, 1)
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.EventID != "poison" {
			return standin.After(100*time.Millisecond, standin.Accept())
		}
		s := <-bridge
		s.kill() // as would an answer that cannot be read without dying
		bridge <- s
		return standin.Hang()
	})
	s := w.supervise("BRIDGE_ACK_WAIT=1s", "BRIDGE_CONCURRENCY=6", "BRIDGE_RATE_LIMIT=off")
	bridge <- s
	defer s.end()
	w.consumer("payments")
	others := 0
	publish := func(n int) {
		for range n {
			w.publish("payments.success", paymentEvent(fmt.Sprint("other-", others)))
			others++
		}
	}
	publish(10)
	w.publish("payments.success", paymentEvent("poison"))
	w.eventually("the letter", func() bool {
		if others < w.makecom.Counts().AcceptedEvents+6 {
			publish(1) // so that there is always something else in hand
		}
		return len(w.letters()) > 0
	})
	w.settled("payments")
	deaths := s.end()
	t.Logf("%d deaths, %d other events, %d requests", deaths, others, w.makecom.Counts().Arrived)
	letters := w.letters()
	if l := letters[0]; len(letters) != 1 || l.Header.Get("Makebridge-Reason") != "crashed" || !strings.Contains(string(l.Data), `"poison"`) {
		t.Errorf("%d letters, the first %v: %s", len(letters), l.Header, l.Data)
	}
	if c := w.makecom.Counts(); c.AcceptedEvents != others {
		t.Errorf("%d other events accepted, want %d", c.AcceptedEvents, others)
	}
	if deaths < 3 {
		t.Errorf("given up after %d deaths", deaths)
	}
}
