package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// mostHeaders is how many headers a request has at most.
const mostHeaders = 13

// header puts the header of a request together: its values share one slice.
type header struct {
	http.Header
	values []string
}

func makeHeader() header {
	return header{make(http.Header, mostHeaders), make([]string, 0, mostHeaders)}
}

// set takes the name in the canonical form of net/http, which it does not
// bring it into.
func (h *header) set(name, value string) {
	h.values = append(h.values, value)
	last := len(h.values)
	h.Header[name] = h.values[last-1 : last : last]
}

// newHeader returns the header of the request with the given number, made at
// the given time, which carries this trace.
func newHeader(userAgent string, r *bridge.Request, parent, state string, number int, at time.Time) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	h := makeHeader()
	h.set("Content-Type", "application/json")
	h.set("User-Agent", userAgent)
	h.set("Webhook-Id", r.EventID)
	h.set("Webhook-Timestamp", seconds)
	if keys := r.Destination.SigningKeys; len(keys) > 0 {
		h.set("Webhook-Signature", signatures(keys, r.EventID, seconds, r.Body))
	}
	h.set("Idempotency-Key", quoted(r.EventID))
	if key := r.Destination.APIKey; !key.IsZero() {
		h.set("X-Make-Apikey", key.Reveal())
	}
	h.set("X-Event-Type", r.Type)
	h.set("X-Event-Subject", headerSubject(r.Subject))
	h.set("X-Delivery-Count", strconv.Itoa(r.Delivery))
	h.set("X-Delivery-Attempt", strconv.Itoa(number))
	setTrace(&h, parent, state)
	return h.Header
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
	if !strings.ContainsFunc(subject, unfitForSubject) {
		return subject
	}
	var b strings.Builder
	for i := range len(subject) {
		switch c := subject[i]; {
		case unfitForSubject(rune(c)):
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unfitForSubject(c rune) bool { return c <= ' ' || c > '~' || c == '%' }

// maxTraceBytes is as much of each trace header as is carried. W3C Trace
// Context §3.3.1.5 asks for 512 bytes; a server may turn down a request, and
// with it the event, for headers that are much longer.
const maxTraceBytes = 512

// setTrace carries the trace over. What is no valid header value is dropped:
// an event must not fail for its trace. A tracestate belongs to a traceparent
// and means nothing alone.
func setTrace(h *header, parent, state string) {
	if !isTrace(parent) {
		return
	}
	h.set("Traceparent", parent)
	if isTrace(state) {
		h.set("Tracestate", state)
	}
}

func isTrace(s string) bool {
	unfit := func(r rune) bool { return r < ' ' || r > '~' }
	return s != "" && len(s) <= maxTraceBytes && !strings.ContainsFunc(s, unfit)
}
