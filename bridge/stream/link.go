package stream

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// link is a context that lasts as long as the connection does: a request whose
// answer cannot come any more is given up at once, not after its timeout.
type link struct {
	mu     sync.Mutex
	now    context.Context //nolint:containedctx // it is what the link is about
	cancel context.CancelFunc
}

// followLink returns the link of a connection, and what stops following it.
func followLink(ctx context.Context, nc *nats.Conn) (l *link, stop func()) {
	l = &link{}
	l.now, l.cancel = context.WithCancel(ctx)
	status := nc.StatusChanged()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range status {
			l.mu.Lock()
			l.cancel()
			if s == nats.CONNECTED {
				l.now, l.cancel = context.WithCancel(ctx)
			}
			l.mu.Unlock()
		}
	}()
	return l, func() {
		nc.RemoveStatusListener(status)
		<-done
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cancel()
	}
}

// context ends when the connection is lost, or with the context of followLink.
func (l *link) context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}
