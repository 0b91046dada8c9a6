package webhook

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/makebridge/makebridge/bridge"
)

func TestDetailOfErrors(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection refused"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "connection reset by peer"},
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, "proxy: connection refused"},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "hook.test"}}, "dns: no such host"},
		{&net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, "timeout while connecting"},
		{io.EOF, "connection closed before an answer"},
		{io.ErrUnexpectedEOF, "connection closed before an answer"},
		{textproto.ProtocolError("malformed MIME header line: secret"), "malformed answer"},
		{errors.New(`malformed HTTP response "secret"`), "malformed HTTP response"},
		{http.ErrServerClosed, "http: Server closed"},
	} {
		d := delivery{call: call{request: newEvent(t, "https://hook.test/abcdef")}}
		if got := d.detail(bridge.ClassFailed, reply{err: row.err}, false); got != row.want {
			t.Errorf("%v: detail %q, want %q", row.err, got, row.want)
		}
	}
	d := delivery{call: call{request: bridge.Request{Timeout: 20 * time.Second}}}
	if got := d.detail(bridge.ClassFailed, reply{err: io.EOF}, true); got != "timeout after 20s" {
		t.Errorf("detail %q of a timeout", got)
	}
}

func TestDetailOfRejection(t *testing.T) {
	d := delivery{call: call{request: newEvent(t, "https://hook.test/v1/abc-token-def?auth=s3cr%2Fet%20key&x=1")}}
	d.request.Destination.APIKey = bridge.NewSecret("k3y")
	for body, want := range map[string]string{
		"":                                  "HTTP 422 Unprocessable Entity",
		"Missing value of 'amount'":         "HTTP 422: Missing value of 'amount'",
		"{\n\t\"a\": 1,\r\n\t\"b\": 2\n}\n": `HTTP 422: { "a": 1, "b": 2 }`,
		"nul\x00, esc\x1b[31m, \u202eevil":  "HTTP 422: nul , esc [31m, evil",
		"b\xffd":                            "HTTP 422: b\ufffdd",
		"at /v1/abc-token-def: no":          "HTTP 422: at /[redacted]: no",
		`"https:\/\/hook.test\/v1\/abc-token-def"`:                           `HTTP 422: "https:\/\/hook.test\/v1\/[redacted]"`,
		"https://hook.test/v1/abc-token-def?auth=s3cr%2Fet%20key&x=1 is off": "HTTP 422: [redacted] is off",
		"token abc-token-def, auth s3cr/et key, key k3y":                     "HTTP 422: token [redacted], auth [redacted], key [redacted]",
		strings.Repeat("x", 5000):                                            "HTTP 422: " + strings.Repeat("x", 256),
		strings.Repeat("ü", 5000):                                            "HTTP 422: " + strings.Repeat("ü", 128),
		strings.Repeat("x ", 5000):                                           "HTTP 422: " + strings.Repeat("x ", 127) + "x",
		strings.Repeat(" ", 300):                                             "HTTP 422 Unprocessable Entity",
	} {
		got := d.detail(bridge.ClassRejected, reply{status: 422, body: []byte(body)}, false)
		if got != want {
			t.Errorf("body %.60q: detail %q, want %q", body, got, want)
		}
	}
}

// TestRedactTakesTheLongest: no part of a secret is left where another one is
// its beginning.
func TestRedactTakesTheLongest(t *testing.T) {
	d := newDestination(t, "https://hook.test/abcdef/abcdefghi")
	d.APIKey = bridge.NewSecret("abcdefghijkl")
	got := redact(d, "abcdefghijkl abcdefghi abcdef /abcdef/abcdefghi")
	if want := "[redacted] [redacted] [redacted] [redacted]"; got != want {
		t.Errorf("redacted to %q, want %q", got, want)
	}
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{"", " ", "a\nb", "\xff\xfe", "\u2028", strings.Repeat("€", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := line(text)
		unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
		if len(got) > 256 || !utf8.ValidString(got) || strings.ContainsFunc(got, unprintable) ||
			strings.TrimSpace(got) != got {
			t.Errorf("line(%q) = %q", text, got)
		}
	})
}
