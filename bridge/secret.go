package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is a value that must not be seen: an API key or a signing key. Every
// way of printing, logging or marshalling it yields a fingerprint, "#" and the
// first six hex digits of its SHA-256; only Reveal gives the value.
//
// The value is behind a handle, because fmt does not call the methods of a
// field that it reaches through an unexported field or a pointer: it would
// print a string, and prints only the address of a handle.
type Secret struct {
	value unique.Handle[string]
}

// NewSecret wraps a value. The empty value is no secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{unique.Make(value)}
}

// Reveal returns the value, for the one purpose of using it.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.value.Value()
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns the fingerprint, or nothing where there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Reveal()))
	return "#" + hex.EncodeToString(sum[:3])
}

// GoString returns the fingerprint.
func (s Secret) GoString() string { return s.String() }

// Format prints the fingerprint whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns the fingerprint.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the fingerprint.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
