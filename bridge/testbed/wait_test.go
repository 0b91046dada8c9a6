package testbed

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ending is a test that keeps why it was ended.
type ending struct {
	testing.TB
	why string
}

func (e *ending) Helper() {}

func (e *ending) Fatalf(format string, args ...any) {
	e.why = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// wait waits for a condition in a test of its own, and returns why that was
// ended, or nothing.
func wait(ok func() bool) string {
	e := &ending{}
	done := make(chan struct{})
	go func() { defer close(done); Eventually(e, "a change", ok) }()
	<-done
	return e.why
}

func TestEventuallyWaitsNoLongerThanPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		late := func() bool { return time.Since(begin) >= Patience-time.Second }
		if why := wait(late); why != "" {
			t.Errorf("ended before its patience was: %s", why)
		}
		never := func() bool { return false }
		if why := wait(never); why != "gave up waiting for a change" {
			t.Errorf("ended with %q", why)
		}
	})
}
