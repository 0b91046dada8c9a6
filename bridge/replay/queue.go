package replay

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// window is how many messages are under way at a time.
	window = 64
	// patience bounds what is done with one of them: far more than it takes,
	// unless nobody answers.
	patience = 10 * time.Second
)

// ErrAbandon is the cause that, when it ends a run's context, also ends what is
// under way: nobody will answer it.
var ErrAbandon = errors.New("nobody will answer")

// turn lets messages that are prepared at the same time be published in their
// order.
type turn struct {
	mine <-chan struct{}
	next chan struct{}
}

// wait waits until everything before has passed.
func (t turn) wait(ctx context.Context) error {
	select {
	case <-t.mine:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queue works through messages, a window of them at a time.
type queue struct {
	pace *pace
	// alone, unless nil, reports whether the next is to wait until those before
	// have ended.
	alone func() bool
	// do deals with one message. When its turn has come it calls passed, if it
	// calls it at all, as soon as the next may have its own. Its error ends the
	// run.
	do func(ctx context.Context, i int, t turn, passed func()) error
}

// run deals with the messages 0 to n-1. It begins none once ctx is done or one
// has failed, and lets those that have begun end, so that nothing is left half
// done. It returns the first error; that ctx is done is none.
func (q queue) run(ctx context.Context, n int) error {
	var (
		running sync.WaitGroup
		slots   = make(chan struct{}, window)
		ended   = make(chan struct{})
		failure error
		once    sync.Once
	)
	fail := func(err error) { once.Do(func() { failure = err; close(ended) }) }
	mine := make(chan struct{})
	close(mine)
	begin := func() bool {
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		case slots <- struct{}{}:
			return ctx.Err() == nil && q.pace.wait(ctx, ended) && !isClosed(ended)
		}
	}
	for i := 0; i < n && begin(); i++ {
		t := turn{mine, make(chan struct{})}
		mine = t.next
		running.Go(func() {
			defer func() { <-slots }()
			passed := sync.OnceFunc(func() { close(t.next) })
			defer passed()
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			defer context.AfterFunc(ctx, func() {
				if errors.Is(context.Cause(ctx), ErrAbandon) {
					cancel()
				}
			})()
			if err := q.do(limited, i, t, passed); err != nil {
				fail(err)
			}
			_ = t.wait(limited) // who ends without a turn lets nobody overtake
		})
		if q.alone != nil && q.alone() {
			running.Wait()
		}
	}
	running.Wait()
	return failure
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
