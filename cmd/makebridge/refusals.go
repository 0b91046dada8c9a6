package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/replay"
)

// refusals ends the questions that the server refuses to pass on. It says so at
// once, but on the connection: whoever asks would only see that nobody answers.
type refusals struct {
	mu     sync.Mutex
	denied error
	open   map[*question]struct{}
}

// question is one that waits for an answer.
type question struct {
	subjects []string // where it may have been asked; none: anywhere
	cause    error    // nil: the refusal itself
	end      context.CancelCauseFunc
}

// note is the connection's error handler.
func (r *refusals) note(_ *nats.Conn, _ *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	denied := newDeniedError(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !denied.tidying() {
		r.denied = denied
	}
	for q := range r.open {
		switch {
		case !q.concerns(denied):
		case q.cause != nil:
			q.end(q.cause)
		default:
			q.end(denied)
		}
	}
}

// concerns reports whether an answer will never come. Without its subscription
// no answer to anything does.
func (q *question) concerns(denied *deniedError) bool {
	if len(q.subjects) == 0 {
		return !denied.tidying()
	}
	if denied.subscription {
		return true
	}
	for _, s := range q.subjects {
		if rest, ok := strings.CutPrefix(denied.subject, s); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

// while returns a context that ends with ctx, and with a *deniedError as its
// cause as soon as the user is denied one of the subjects, or one below. Call
// the function when there is an answer.
func (r *refusals) while(ctx context.Context, subjects ...string) (context.Context, context.CancelFunc) {
	return r.add(ctx, &question{subjects: subjects})
}

// whileAllowed returns a context that ends with ctx, and as soon as the user is
// denied something that cannot be done without.
func (r *refusals) whileAllowed(ctx context.Context) (context.Context, context.CancelFunc) {
	return r.add(ctx, &question{cause: replay.ErrAbandon})
}

func (r *refusals) add(ctx context.Context, q *question) (context.Context, context.CancelFunc) {
	ctx, q.end = context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[*question]struct{}{}
	}
	r.open[q] = struct{}{}
	return ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, q)
		q.end(nil)
	}
}

// denial returns the last permission that was missing, if any was.
func (r *refusals) denial() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.denied
}

// askFor puts a question that goes to one of the subjects, and returns the refusal
// in place of the error that it leads to.
func askFor[T any](ctx context.Context, r *refusals, put func(context.Context) (T, error), subjects ...string) (T, error) {
	ctx, answered := r.while(ctx, subjects...)
	defer answered()
	answer, err := put(ctx)
	return answer, refusalOf(ctx, err)
}

// refusalOf returns why a question has no answer: that it was refused, if so.
func refusalOf(ctx context.Context, err error) error {
	var denied *deniedError
	if err != nil && errors.As(context.Cause(ctx), &denied) {
		return denied
	}
	return err
}
