package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// TestClassify is the table of what every answer means.
func TestClassify(t *testing.T) {
	const (
		delivered     = bridge.ClassDelivered
		failed        = bridge.ClassFailed
		backpressure  = bridge.ClassBackpressure
		misconfigured = bridge.ClassMisconfigured
		rejected      = bridge.ClassRejected
	)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	certificate := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

	for _, row := range []struct {
		status     string // one, or a range
		retryAfter string
		body       string
		err        error

		class bridge.Class
		wait  time.Duration
	}{
		{status: "200-299", class: delivered},
		{status: "200-299", err: io.ErrUnexpectedEOF, class: delivered},
		{status: "200-299", retryAfter: "60", body: "Queue is full.", class: delivered},

		{status: "500-599", class: failed},
		{status: "500-502", retryAfter: "60", class: failed},
		{status: "504-599", retryAfter: "60", class: failed},
		{status: "408", retryAfter: "60", class: failed},
		{status: "425", class: failed},
		{status: "407", class: failed}, // of a proxy
		{status: "500-599", body: "Queue is full.", class: failed},
		// No final status of HTTP at all.
		{status: "100-199", class: failed},
		{status: "600-999", class: failed},

		{err: context.DeadlineExceeded, class: failed},
		{err: &url.Error{Op: "Post", Err: context.DeadlineExceeded}, class: failed},
		{err: dial(syscall.ECONNREFUSED), class: failed},
		{err: dial(syscall.EHOSTUNREACH), class: failed},
		{err: dial(&net.DNSError{Err: "no such host", IsNotFound: true}), class: failed},
		{err: dial(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), class: failed},
		{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}, class: failed},
		{err: &net.OpError{Op: "write", Err: syscall.EPIPE}, class: failed},
		{err: io.EOF, class: failed},
		{err: io.ErrUnexpectedEOF, class: failed},
		{err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, class: failed},
		{err: &net.OpError{Op: "remote error", Err: tls.AlertError(70)}, class: failed},

		{err: certificate(x509.UnknownAuthorityError{}), class: misconfigured},
		{err: certificate(x509.HostnameError{}), class: misconfigured},
		{err: certificate(x509.CertificateInvalidError{Reason: x509.Expired}), class: misconfigured},
		{err: certificate(x509.SystemRootsError{}), class: misconfigured},
		{err: fmt.Errorf("connect: %w", certificate(x509.UnknownAuthorityError{})), class: misconfigured},
		{status: "401", class: misconfigured},
		{status: "403", class: misconfigured},
		{status: "404", class: misconfigured},
		{status: "410", class: misconfigured},
		{status: "410", body: "Queue is full.", class: misconfigured},
		{status: "300-399", class: misconfigured},
		{status: "300-399", retryAfter: "60", class: misconfigured},

		{status: "429", class: backpressure},
		{status: "429", retryAfter: "0", class: backpressure},
		{status: "429", retryAfter: "7", class: backpressure, wait: 7 * time.Second},
		{status: "429", retryAfter: " 7 ", class: backpressure, wait: 7 * time.Second},
		{status: "429", retryAfter: "3600", class: backpressure, wait: time.Hour},
		{status: "429", retryAfter: "3601", class: backpressure, wait: time.Hour},
		{status: "429", retryAfter: strings.Repeat("9", 40), class: backpressure, wait: time.Hour},
		{status: "429", retryAfter: in(90 * time.Second), class: backpressure, wait: 90 * time.Second},
		{status: "429", retryAfter: in(48 * time.Hour), class: backpressure, wait: time.Hour},
		{status: "429", retryAfter: in(-time.Minute), class: backpressure},
		{status: "429", retryAfter: "-7", class: backpressure},
		{status: "429", retryAfter: "1.5", class: backpressure},
		{status: "429", retryAfter: "soon", class: backpressure},
		{status: "503", retryAfter: "7", class: backpressure, wait: 7 * time.Second},
		{status: "503", retryAfter: "soon", class: backpressure},
		{status: "503", class: failed},
		{status: "400", body: "Queue is full.", class: backpressure},
		{status: "400", body: "Queue is full", retryAfter: "7", class: backpressure, wait: 7 * time.Second},
		{status: "400", body: "QUEUE IS FULL", class: backpressure},
		{status: "400", body: "\r\n  queue  is\tfull!\n", class: backpressure},
		{status: "400", body: "Sorry, the queue is full, try later.", class: backpressure},
		{status: "400", body: `{"message":"Queue is full"}`, class: backpressure},
		{status: "400", body: `{"code":"QUEUE_FULL"}`, class: backpressure},
		{status: "400", body: "Queue is full", err: io.ErrUnexpectedEOF, class: backpressure},

		{status: "400", class: rejected},
		{status: "400", retryAfter: "60", class: rejected},
		{status: "400", body: "queue is fully open", class: rejected},
		{status: "400", body: "Invalid payload", class: rejected},
		// It might have gone on to say that the queue is full.
		{status: "400", body: "Que", err: io.ErrUnexpectedEOF, class: failed},
		{status: "402", class: rejected},
		{status: "405-406", class: rejected},
		{status: "409", class: rejected},
		{status: "411-424", class: rejected},
		{status: "413", err: io.ErrUnexpectedEOF, class: rejected},
		{status: "422", body: "Queue is full.", class: rejected},
		{status: "426-428", class: rejected},
		{status: "430-499", class: rejected},
	} {
		first, last := statuses(t, row.status)
		for status := first; status <= last; status++ {
			r := reply{status: status, header: http.Header{}, body: []byte(row.body), err: row.err}
			if row.retryAfter != "" {
				r.header.Set("Retry-After", row.retryAfter)
			}
			class, wait := classify(r, now)
			if class != row.class || wait != row.wait {
				t.Errorf("status %d, Retry-After %q, body %q, error %v: %v after %v, want %v after %v",
					status, row.retryAfter, row.body, row.err, class, wait, row.class, row.wait)
			}
		}
	}
}

func statuses(t *testing.T, text string) (first, last int) {
	t.Helper()
	if text == "" {
		return 0, 0
	}
	if _, err := fmt.Sscanf(text, "%d-%d", &first, &last); err == nil {
		return first, last
	}
	if _, err := fmt.Sscanf(text, "%d", &first); err != nil {
		t.Fatalf("status %q of the table: %v", text, err)
	}
	return first, first
}
