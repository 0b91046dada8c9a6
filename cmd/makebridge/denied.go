package main

import "strings"

// deniedError is a permission that is missing, in words of its own: the library
// says the same thing twice.
type deniedError struct {
	err          error
	subject      string // as it is where there is no domain
	subscription bool
}

func newDeniedError(err error) *deniedError {
	e := &deniedError{err: err, subscription: strings.Contains(err.Error(), "Permissions Violation for Subscription to ")}
	_, quoted, _ := strings.Cut(err.Error(), `"`)
	e.subject, _, _ = strings.Cut(quoted, `"`)
	if before, api, found := strings.Cut(e.subject, ".API."); found && strings.HasPrefix(before, "$JS") {
		e.subject = "$JS.API." + api
	}
	return e
}

// tidying reports whether what was denied can be left to the server.
func (e *deniedError) tidying() bool { return strings.HasPrefix(e.subject, "$JS.API.CONSUMER.DELETE.") }

// Error says what the user may not do, and what to change where that is certain:
// a user has an inbox, if not the usual one.
func (e *deniedError) Error() string {
	if e.subscription && strings.HasPrefix(e.subject, "_INBOX.") {
		return e.refusal() + ": set NATS_INBOX_PREFIX"
	}
	return e.refusal()
}

func (e *deniedError) refusal() string {
	_, what, found := strings.Cut(e.err.Error(), "Permissions Violation for ")
	if !found {
		return e.err.Error()
	}
	what = strings.Replace(what, "Publish to ", "publish to ", 1)
	return "this NATS user may not " + strings.Replace(what, "Subscription to ", "subscribe to ", 1)
}

func (e *deniedError) Unwrap() error { return e.err }
