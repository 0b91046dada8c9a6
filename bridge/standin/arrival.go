package standin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const keyHeader = "X-Make-Apikey"

// Arrival is one request that reached the stand-in, and what became of it.
type Arrival struct {
	// Number counts the arrivals of the stand-in, from 1, in the order in which
	// they were read whole.
	Number int
	// Time is when its headers had arrived; Settled when its outcome was
	// known, zero before.
	Time, Settled time.Time
	Method        string
	// Path and Query are the URL's, the query as it was sent.
	Path, Query string
	Header      http.Header
	// Body is nil where it was larger than Config.MaxBody; Size is its length
	// in bytes all the same.
	Body []byte
	Size int64

	// EventID is the header webhook-id; Type, Subject, Delivery and Attempt
	// are the X- headers of the bridge, zero where they are missing or not
	// what they should be.
	EventID, Type, Subject string
	Delivery, Attempt      int
	// Signature says whether the request was signed with a key of the Config.
	Signature Signature

	// Outcome is what became of the request, Status the status of its answer,
	// 0 where there was none.
	Outcome Outcome
	Status  int
}

func newArrival(now time.Time, r *http.Request) Arrival {
	return Arrival{
		Time:     now,
		Method:   r.Method,
		Path:     r.URL.Path,
		Query:    r.URL.RawQuery,
		Header:   r.Header,
		EventID:  r.Header.Get("Webhook-Id"),
		Type:     r.Header.Get("X-Event-Type"),
		Subject:  r.Header.Get("X-Event-Subject"),
		Delivery: number(r.Header.Get("X-Delivery-Count")),
		Attempt:  number(r.Header.Get("X-Delivery-Attempt")),
		Outcome:  OutcomePending,
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// Accepted reports whether make.com would have the event: it was answered 2xx,
// or taken before the connection was reset.
func (a Arrival) Accepted() bool {
	return a.Outcome == OutcomeAcceptedReset || a.Outcome == OutcomeAnswered && a.Status/100 == 2
}

// MarshalJSON gives the arrival as one JSON object without line breaks, for
// `makebridge sink`: time, method, path, status, outcome, event_id, type,
// subject, delivery and attempt always; query, signature and headers where
// there are any; the body as body if it is JSON, else in base64 as
// body_base64. The API key is left out of the headers.
func (a Arrival) MarshalJSON() ([]byte, error) {
	line := arrivalLine{
		Time: a.Time.UTC(), Method: a.Method, Path: a.Path, Query: a.Query,
		Status: a.Status, Outcome: a.Outcome.String(),
		EventID: a.EventID, Type: a.Type, Subject: a.Subject, Delivery: a.Delivery, Attempt: a.Attempt,
		Signature: a.Signature, Headers: headerLine(a.Header),
	}
	if json.Valid(a.Body) && utf8.Valid(a.Body) {
		line.Body = a.Body
	} else {
		line.BodyBase64 = a.Body
	}
	return json.Marshal(line)
}

type arrivalLine struct {
	Time       time.Time         `json:"time"`
	Method     string            `json:"method"`
	Path       string            `json:"path"`
	Query      string            `json:"query,omitempty"`
	Status     int               `json:"status"`
	Outcome    string            `json:"outcome"`
	EventID    string            `json:"event_id"`
	Type       string            `json:"type"`
	Subject    string            `json:"subject"`
	Delivery   int               `json:"delivery"`
	Attempt    int               `json:"attempt"`
	Signature  Signature         `json:"signature,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"`
	BodyBase64 []byte            `json:"body_base64,omitempty"`
}

func headerLine(h http.Header) map[string]string {
	line := make(map[string]string, len(h))
	for name, values := range h {
		if name != keyHeader {
			line[name] = strings.Join(values, ", ")
		}
	}
	return line
}
