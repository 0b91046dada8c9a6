package standin

import (
	"fmt"
	"sync"
)

// Gate keeps requests waiting until a test opens it. Make one with NewGate.
type Gate struct {
	open chan struct{}
	once sync.Once
}

// NewGate returns a shut gate.
func NewGate() *Gate { return &Gate{open: make(chan struct{})} }

// Open lets every request through, now and later. Further calls do nothing.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// Then waits for the gate before another behaviour; the request is pending
// until then. Where the client goes away or the stand-in closes meanwhile, it
// is abandoned.
func (g *Gate) Then(b Behaviour) Behaviour {
	return Behaviour{fmt.Sprintf("%s after a gate", b), func(x *exchange) {
		wait(x, g.open)
		b.do(x)
	}}
}
