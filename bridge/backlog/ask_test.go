package backlog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestSilenceIsNotAskedAgain: twenty routes without a permission cost no more
// than the questions that were open at once.
func TestSilenceIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, asked, errs := newAsker(), make(chan struct{}, 100), make(chan error, 100)
		for range 20 {
			go func() {
				errs <- a.ask(t.Context(), "look", "subject", func(ctx context.Context) error {
					asked <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				})
			}()
		}
		synctest.Wait()
		time.Sleep(questionTimeout)
		synctest.Wait()
		if len(errs) != 20 || len(asked) != questions {
			t.Errorf("%d answers after %d questions, want 20 after %d", len(errs), len(asked), questions)
		}
		for range len(errs) {
			denied(t, <-errs, "subject")
		}
		if err := a.ask(t.Context(), "look", "another", func(context.Context) error { return nil }); err != nil {
			t.Errorf("another kind of question: %v", err)
		}
	})
}

// TestEndOfTheCallerIsNoSilence: nobody was denied anything.
func TestEndOfTheCallerIsNoSilence(t *testing.T) {
	a := newAsker()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := a.ask(ctx, "look", "subject", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	var silence *NoAnswerError
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &silence) {
		t.Errorf("error %v", err)
	}
	err = a.ask(t.Context(), "look", "subject", func(context.Context) error { return jetstream.ErrJetStreamNotEnabled })
	if !errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		t.Errorf("error %v, want the answer to a question that was asked", err)
	}
}
