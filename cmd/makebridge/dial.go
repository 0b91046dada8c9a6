package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

// dialTimeout is how long a command waits for a server to let it in.
const dialTimeout = 5 * time.Second

// link is a command's connection to NATS. Unlike the bridge's, it gives up.
type link struct {
	nc *nats.Conn
	js jetstream.JetStream

	mu     sync.Mutex
	denied error
	refuse []context.CancelCauseFunc
}

// dial connects to NATS, or says what is in the way and what to change. Close
// the connection when done.
func dial(cfg config.NATS, more ...nats.Option) (*link, error) {
	options, err := cfg.Options()
	if err != nil {
		return nil, err
	}
	l := &link{}
	l.nc, err = nats.Connect(cfg.URL(), append(append(options,
		nats.Name("makebridge "+programVersion()),
		nats.Timeout(dialTimeout),
		nats.ErrorHandler(l.note),
	), more...)...)
	if err != nil {
		return nil, explainDial(err, cfg)
	}
	if l.js, err = newJetStream(l.nc, cfg.JSDomain); err != nil {
		l.nc.Close()
		return nil, fmt.Errorf("NATS_JS_DOMAIN: %w", err)
	}
	return l, nil
}

func (l *link) close() { l.nc.Close() }

// note remembers what the user was denied: the request itself only times out.
func (l *link) note(_ *nats.Conn, _ *nats.Subscription, err error) {
	tidying := strings.Contains(err.Error(), ".CONSUMER.DELETE.") // which is dispensable
	if errors.Is(err, nats.ErrPermissionViolation) && !tidying {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.denied = &deniedError{err}
		for _, cancel := range l.refuse {
			cancel(replay.ErrAbandon)
		}
	}
}

// deniedError is a permission that is missing, in words of its own: the
// library says the same thing twice.
type deniedError struct{ err error }

func (e *deniedError) Error() string {
	_, what, found := strings.Cut(e.err.Error(), "Permissions Violation for ")
	if !found {
		return e.err.Error()
	}
	what = strings.Replace(what, "Publish to ", "publish to ", 1)
	return "this NATS user may not " + strings.Replace(what, "Subscription to ", "subscribe to ", 1)
}

func (e *deniedError) Unwrap() error { return e.err }

// whileAllowed returns a context that ends with ctx, and as soon as the user is
// denied something: nobody will answer then.
func (l *link) whileAllowed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = append(l.refuse, cancel)
	return ctx, func() { cancel(nil) }
}

// denial returns the last permission that was missing, if any was.
func (l *link) denial() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.denied
}

func explainDial(err error, cfg config.NATS) error {
	where := make([]string, len(cfg.Servers))
	for i, s := range cfg.Servers {
		where[i] = s.Name
	}
	servers := strings.Join(where, ", ")
	var (
		unknown     x509.UnknownAuthorityError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("connect to NATS at %s: no answer; is the server running, and is NATS_URL right?", servers)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrNkeysNotSupported):
		return fmt.Errorf("connect to NATS at %s: %w; check NATS_CREDS, NATS_NKEY, NATS_USER and NATS_PASSWORD, or NATS_TOKEN", servers, err)
	case errors.As(err, &unknown), errors.As(err, &certificate), errors.Is(err, nats.ErrSecureConnRequired):
		return fmt.Errorf("connect to NATS at %s: %w; check NATS_CA, NATS_CERT and NATS_KEY", servers, err)
	}
	return fmt.Errorf("connect to NATS at %s: %w", servers, err)
}
