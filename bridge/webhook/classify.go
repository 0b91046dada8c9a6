package webhook

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/makebridge/makebridge/bridge"
)

// classify says what a reply means and how long backpressure asks to wait. It
// is the whole of the policy; its test is the table to read.
func classify(r reply, now time.Time) (bridge.Class, time.Duration) {
	switch s := r.status; {
	case s == 0:
		return classifyError(r.err), 0
	case s >= 200 && s <= 299:
		return bridge.ClassDelivered, 0 // even if the body broke off
	case asksToWait(r):
		return bridge.ClassBackpressure, parseRetryAfter(r.header.Get("Retry-After"), now)
	case s >= 300 && s <= 399:
		return bridge.ClassMisconfigured, 0
	case s >= 400 && s <= 499:
		return classifyRefusal(r), 0
	default:
		return bridge.ClassFailed, 0 // 5xx, and what is no final status at all
	}
}

func asksToWait(r reply) bool {
	switch r.status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return r.header.Get("Retry-After") != ""
	case http.StatusBadRequest:
		return saysQueueIsFull(r.body)
	default:
		return false
	}
}

// classifyRefusal tells the statuses from 400 to 499 apart.
func classifyRefusal(r reply) bridge.Class {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return bridge.ClassMisconfigured
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusProxyAuthRequired: // a proxy's, as by HTTPS
		return bridge.ClassFailed
	case http.StatusBadRequest:
		if r.err != nil {
			return bridge.ClassFailed
		}
	}
	return bridge.ClassRejected
}

// classifyError tells a certificate that does not fit, which somebody has to
// mend, from all that may pass.
func classifyError(err error) bridge.Class {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return bridge.ClassMisconfigured
	}
	return bridge.ClassFailed
}

// saysQueueIsFull looks for make.com's "Queue is full." loosely: any case,
// punctuation and surroundings.
func saysQueueIsFull(body []byte) bool {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	words := strings.FieldsFunc(strings.ToLower(string(body)), notLetter)
	text := " " + strings.Join(words, " ") + " "
	return strings.Contains(text, " queue is full ") || strings.Contains(text, " queue full ")
}
