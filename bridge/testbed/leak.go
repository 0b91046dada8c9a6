package testbed

import "go.uber.org/goleak"

// VerifyNoLeaks is goleak.VerifyTestMain for a package whose tests run a NATS
// server within their process.
//
// A stream that is being created as its server is shut down comes into being
// after the server has stopped those it knew, so nats-server 2.15 leaves the
// goroutines of its store. No test can wait for them, and they tell nothing
// about makebridge; a server that is not shut down is still found by others.
func VerifyNoLeaks(m goleak.TestingM) { goleak.VerifyTestMain(m, leftByServer()...) }

func leftByServer() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
