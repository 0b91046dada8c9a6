package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// WebhookURL is the address of a make.com webhook. Whoever has it can trigger
// the scenario behind it, so it is a secret: every way of printing, logging or
// marshalling a WebhookURL yields its fingerprint, such as
// "hook.eu2.make.com#3fa9c1". Only Reveal gives the address itself.
//
// The zero WebhookURL is no address; ParseWebhookURL makes valid ones.
type WebhookURL struct {
	address     **url.URL // fmt would follow one pointer, see Secret
	id          string
	fingerprint string
}

// ErrPlainHTTP is returned by ParseWebhookURL for an http URL to a host other
// than this machine: the events and the URL itself would travel in the clear.
var ErrPlainHTTP = errors.New("must be https (http is for loopback hosts only)")

// ParseWebhookURL reads an absolute https URL. Plain http is accepted for a
// loopback host, and for every host if allowHTTP is set. Its errors say what
// is wrong and never contain the text that was given.
func ParseWebhookURL(raw string, allowHTTP bool) (WebhookURL, error) {
	raw = strings.TrimSpace(raw)
	if strings.ContainsFunc(raw, unicode.IsSpace) { // of which url.Parse lets some through
		return WebhookURL{}, errors.New("must not have white space in it")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return WebhookURL{}, errors.New("is not a URL") // err would quote the secret
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return WebhookURL{}, errors.New("must start with https://")
	case u.Hostname() == "":
		return WebhookURL{}, errors.New("has no host")
	case u.User != nil:
		return WebhookURL{}, errors.New("must not carry a user or password")
	case u.Fragment != "":
		return WebhookURL{}, errors.New("must not carry a fragment")
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return WebhookURL{}, ErrPlainHTTP
	}
	u.Host = canonicalHost(u)
	sum := sha256.Sum256([]byte(u.String()))
	id := hex.EncodeToString(sum[:])
	return WebhookURL{address: &u, id: id, fingerprint: u.Host + "#" + id[:6]}, nil
}

// canonicalHost is how a host is written that can be written in several ways: it is
// one destination.
func canonicalHost(u *url.URL) string {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") // the root of the DNS
	if port := u.Port(); port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		return net.JoinHostPort(name, port)
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Reveal returns a copy of the address, for the one purpose of posting to it.
// It returns nil for the zero WebhookURL.
func (u WebhookURL) Reveal() *url.URL {
	if u.address == nil {
		return nil
	}
	c := **u.address
	return &c
}

// ID names the destination without revealing it: the SHA-256 of the address,
// in hex. It is the same on every replica and safe as a key.
func (u WebhookURL) ID() string { return u.id }

// IsZero reports whether u is the zero WebhookURL, no address at all.
func (u WebhookURL) IsZero() bool { return u.address == nil }

// String returns the fingerprint: host (with its port), '#', and the first six
// hex digits of the SHA-256 of the address.
func (u WebhookURL) String() string { return u.fingerprint }

// GoString returns the fingerprint.
func (u WebhookURL) GoString() string { return u.fingerprint }

// Format prints the fingerprint whatever the verb.
func (u WebhookURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.fingerprint) }

// LogValue returns the fingerprint.
func (u WebhookURL) LogValue() slog.Value { return slog.StringValue(u.fingerprint) }

// MarshalText returns the fingerprint.
func (u WebhookURL) MarshalText() ([]byte, error) { return []byte(u.fingerprint), nil }
