package testbed

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen; machines are slow.
const Patience = 60 * time.Second

// Eventually returns once ok does, asked every few milliseconds, and ends the
// test if that takes longer than Patience. It does not interrupt an ok that
// blocks.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
