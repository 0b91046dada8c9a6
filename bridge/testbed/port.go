package testbed

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that systems give to connections that go out begin at 32768 or
// above (RFC 6335 has them begin at 49152, Linux at 32768).
const (
	firstPort = 20000
	endPort   = 32000
)

// FreePorts returns n ports of this machine that nobody listens on, for servers
// that others have to know before they run, or that come back to where they
// were. No connection that goes out takes one of them meanwhile, as happens to
// a port of the system's choice.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	free := make([]int, 0, n)
	for len(free) < n {
		port := firstPort + rand.IntN(endPort-firstPort) //nolint:gosec // it is no secret
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue // somebody has it
		}
		defer l.Close() // none twice
		free = append(free, port)
	}
	return free
}

// FreePort is one of FreePorts.
func FreePort(t testing.TB) int {
	t.Helper()
	return FreePorts(t, 1)[0]
}
