package webhook

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/makebridge/makebridge/bridge"
)

// maxLine bounds in bytes what bridge.Answer's Detail has of a text that is not
// ours: an answer's body, or an error.
const maxLine = 256

// detail says what happened. Of the other side's own words it has only the
// body of a rejection: others are logged, and a body may repeat the event.
func (d *delivery) detail(class bridge.Class, r reply, timedOut bool) string {
	switch {
	case class == bridge.ClassDelivered:
		return statusText(r.status)
	case r.status == 0 && timedOut:
		return "timeout after " + d.request.Timeout.String()
	case r.status == 0:
		return line(redact(d.request.Destination, errorText(r.err)))
	case class == bridge.ClassRejected:
		if body := line(redact(d.request.Destination, string(r.body))); body != "" {
			return "HTTP " + strconv.Itoa(r.status) + ": " + body
		}
		return statusText(r.status)
	case class == bridge.ClassBackpressure && r.status == http.StatusBadRequest:
		return statusText(r.status) + ": the queue is full"
	case r.status >= 300 && r.status <= 399:
		return statusText(r.status) + ": redirects are not followed"
	default:
		return statusText(r.status)
	}
}

func statusText(status int) string {
	if status == http.StatusOK { // of nearly every request
		return "HTTP 200 OK"
	}
	return strings.TrimSpace("HTTP " + strconv.Itoa(status) + " " + http.StatusText(status))
}

// errorText says why there is no answer, mostly in words that cannot hold
// anything secret.
func errorText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		return "proxy: " + errorText(op.Err)
	}
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		errno       syscall.Errno
		malformed   textproto.ProtocolError
	)
	switch {
	case errors.As(err, &dns):
		return "dns: " + dns.Err
	case isTimeout(err):
		return "timeout while connecting"
	case errors.As(err, &certificate):
		return "tls: " + strings.TrimPrefix(certificate.Err.Error(), "x509: ")
	case errors.As(err, &record):
		return strings.TrimPrefix(record.Error(), "remote error: ")
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before an answer"
	case errors.As(err, &malformed):
		return "malformed answer"
	}
	// What such an error quotes is what the other side sent.
	text, _, _ := strings.Cut(err.Error(), `"`)
	return text
}

// line makes one printable line of at most maxLine bytes of a text: runs of
// space and of what does not print become one space, broken UTF-8 becomes
// U+FFFD.
func line(text string) string {
	var b strings.Builder
	space := false
	for _, r := range text { // broken UTF-8 comes as U+FFFD, which prints
		if !unicode.IsPrint(r) || r == ' ' {
			space = b.Len() > 0
			continue
		}
		size := utf8.RuneLen(r)
		if space {
			size++
		}
		if b.Len()+size > maxLine {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
