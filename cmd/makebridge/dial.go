package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
)

// dialTimeout is how long a command waits for a server to let it in.
const dialTimeout = 5 * time.Second

// link is a command's connection to NATS. Unlike the bridge's, it gives up, and
// a question of js that the user may not ask ends at once.
type link struct {
	nc *nats.Conn
	js jetstream.JetStream

	refusals
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
	js, err := newJetStream(l.nc, cfg.JSDomain)
	if err != nil {
		l.nc.Close()
		return nil, fmt.Errorf("NATS_JS_DOMAIN: %w", err)
	}
	l.js = &askingJetStream{js, &l.refusals}
	return l, nil
}

func (l *link) close() { l.nc.Close() }

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
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("connect to NATS at %s: no answer; is the server running, and is NATS_URL right?", servers)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrNkeysNotSupported):
		return fmt.Errorf("connect to NATS at %s: %w; check NATS_CREDS, NATS_NKEY, NATS_USER and NATS_PASSWORD, or NATS_TOKEN", servers, err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		mend := "unset NATS_CA, NATS_CERT and NATS_KEY"
		if cfg.CA == "" && cfg.Cert == "" {
			mend = "write nats:// in NATS_URL"
		}
		return fmt.Errorf("connect to NATS at %s: the server offers no TLS: %s, or turn TLS on there", servers, mend)
	case errors.As(err, &unknown), errors.As(err, &certificate), errors.Is(err, nats.ErrSecureConnRequired):
		return fmt.Errorf("connect to NATS at %s: %w; check NATS_CA, NATS_CERT and NATS_KEY", servers, err)
	}
	return fmt.Errorf("connect to NATS at %s: %w", servers, err)
}
