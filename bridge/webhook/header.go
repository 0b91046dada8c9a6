package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// newHeader returns the header of the request with the given number, made at
// the given time.
func newHeader(version string, r *bridge.Request, number int, at time.Time) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	h := make(http.Header, 16)
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "makebridge/"+version)
	h.Set("Webhook-Id", r.EventID)
	h.Set("Webhook-Timestamp", seconds)
	if keys := r.Destination.SigningKeys; len(keys) > 0 {
		h.Set("Webhook-Signature", signatures(keys, r.EventID, seconds, r.Body))
	}
	h.Set("Idempotency-Key", quoted(r.EventID))
	if key := r.Destination.APIKey; !key.IsZero() {
		h.Set("X-Make-Apikey", key.Reveal())
	}
	h.Set("X-Event-Type", r.Type)
	h.Set("X-Event-Subject", headerSubject(r.Subject))
	h.Set("X-Delivery-Count", strconv.Itoa(r.Delivery))
	h.Set("X-Delivery-Attempt", strconv.Itoa(number))
	setTrace(h, r.TraceParent, r.TraceState)
	return h
}

// quoted returns s, which is printable ASCII, as a String of RFC 9651 §3.3.3.
func quoted(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// headerSubject returns a subject as a header value. NATS allows all but
// spaces in a subject, a header only ASCII: bytes that are not printable ASCII
// are percent-encoded as in a URL, and so is the percent sign, so that decoding
// gives the subject back.
func headerSubject(subject string) string {
	var b strings.Builder
	for i := range len(subject) {
		switch c := subject[i]; {
		case c <= ' ' || c > '~' || c == '%':
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// maxTraceBytes is as much of each trace header as is carried. W3C Trace
// Context §3.3.1.5 asks for 512 bytes; a server may turn down a request, and
// with it the event, for headers that are much longer.
const maxTraceBytes = 512

// setTrace carries the trace over. What is no valid header value is dropped:
// an event must not fail for its trace. A tracestate belongs to a traceparent
// and means nothing alone.
func setTrace(h http.Header, parent, state string) {
	if !isTrace(parent) {
		return
	}
	h.Set("Traceparent", parent)
	if isTrace(state) {
		h.Set("Tracestate", state)
	}
}

func isTrace(s string) bool {
	unfit := func(r rune) bool { return r < ' ' || r > '~' }
	return s != "" && len(s) <= maxTraceBytes && !strings.ContainsFunc(s, unfit)
}
