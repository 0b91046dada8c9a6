package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/replay"
)

// explained is an error that says what an operator needs to know.
type explained struct{ err error }

func (e *explained) Error() string { return e.err.Error() }
func (e *explained) Unwrap() error { return e.err }

// explain says, once, what an error of JetStream comes from, where that is
// known; what was attempted takes the place of what the library says.
func (l *link) explain(what string, err error) error {
	var usage *usageError
	var before *explained
	var kept *replay.KeptError
	denied := l.denial()
	switch {
	case err == nil, errors.As(err, &usage), errors.As(err, &before):
		return err
	case errors.As(err, &kept):
		err = &replay.KeptError{Letters: kept.Letters, Window: kept.Window, Err: l.explain(what, kept.Err)}
	case denied != nil:
		err = fmt.Errorf("%s: %w", what, denied)
	case errors.Is(err, context.Canceled):
		err = errors.New(what + ": interrupted")
	case isWithoutJetStream(err):
		err = fmt.Errorf("%s: %w: start nats-server with -js, enable JetStream for the account, or mend NATS_JS_DOMAIN", what, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, jetstream.ErrNoHeartbeat):
		err = fmt.Errorf("%s: no answer from JetStream (%w)", what, err)
	}
	return &explained{err}
}

// isWithoutJetStream reports whether an error comes from JetStream not being there.
func isWithoutJetStream(err error) bool {
	return errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) ||
		errors.Is(err, nats.ErrNoResponders)
}

// withoutJetStream returns the error of a question to JetStream if it is not there.
// To whoever publishes an event it looks as if no stream took that.
func (l *link) withoutJetStream(ctx context.Context) error {
	if _, err := askFor(ctx, &l.refusals, l.js.AccountInfo, "$JS.API.INFO"); isWithoutJetStream(err) {
		return err
	}
	return nil
}
