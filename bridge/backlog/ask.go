package backlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// questionTimeout bounds one question, questions how many are open at once.
	questionTimeout = 2 * time.Second
	questions       = 8
	// stall is by how much a timer is late only where the whole process stood still.
	stall = 100 * time.Millisecond
)

// NoAnswerError is a question that nobody answered. A missing permission looks
// just like that: the server tells it to the connection's error handler only.
type NoAnswerError struct {
	// Subject is where it was asked.
	Subject string
}

// Error says what to look for.
func (e *NoAnswerError) Error() string {
	return "no answer from JetStream: may this user publish to " + e.Subject + "?"
}

// asker puts questions to JetStream. One kind of question that was not answered
// is not asked again, or a permission that is missing would cost its timeout
// for each route.
type asker struct {
	slots chan struct{}

	mu     sync.Mutex
	silent map[string]*NoAnswerError // by subject
}

func newAsker() *asker {
	return &asker{slots: make(chan struct{}, questions), silent: map[string]*NoAnswerError{}}
}

// ask puts a question of one kind, which is known by the subject it goes to.
func (a *asker) ask(ctx context.Context, what, subject string, question func(context.Context) error) error {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := a.known(subject); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for {
		begun := time.Now()
		limited, cancel := context.WithTimeout(ctx, questionTimeout)
		err := question(limited)
		cancel()
		// Who stood still for longer than the wait has not waited.
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && time.Since(begun) > questionTimeout+stall {
			continue
		}
		return a.explain(ctx, what, subject, err)
	}
}

// explain says what went wrong with a question, and remembers silence.
func (a *asker) explain(ctx context.Context, what, subject string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		silence := &NoAnswerError{subject}
		a.mu.Lock()
		a.silent[subject] = silence
		a.mu.Unlock()
		return fmt.Errorf("%s: %w", what, silence)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%s: %w: start nats-server with -js, enable JetStream for the account, or mend NATS_JS_DOMAIN", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (a *asker) known(subject string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.silent[subject]; err != nil {
		return err
	}
	return nil
}
