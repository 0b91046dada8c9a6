package replay

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

const (
	dlqPrefix       = "dlq."
	redeliverPrefix = "redeliver."
	natsPrefix      = "Nats-"
	letterPrefix    = "Makebridge-"
	sizeHeader      = "Nats-Msg-Size" // in the place of a body that was not asked for
	idHeader        = "Nats-Msg-Id"
)

// Letter is a dead letter: an event that was not delivered, and why.
type Letter struct {
	// ID is the letter's sequence in the dead-letter stream.
	ID uint64
	// Stored is when it was stored there.
	Stored time.Time
	// Route did not deliver it; Subject is where the event was published.
	Route, Subject string
	// EventID and Type are the event's own. They are empty where it could not
	// be read, or was dead-lettered by a version that did not write them.
	EventID, Type string
	// Reason is why it was given up, as bridge.Reason names it; Error says
	// more, in one line without the event's values.
	Reason, Error string
	// Status is the last HTTP status, 0 where none came.
	Status int
	// Deliveries is how often the server had handed the event out.
	Deliveries int
	// Sequence is the event's in the stream of events.
	Sequence uint64
	// Published is when the event was stored, Failed when it was given up; zero
	// where the letter does not say.
	Published, Failed time.Time
	// Header is the letter's whole header, Makebridge-… and Nats-… included.
	Header nats.Header
	// Size is the length in bytes of the body as it is stored.
	Size int
	// Body is the event, byte for byte. It is nil in a letter of a page.
	Body []byte
}

// newLetter reads what a letter says of itself. What it does not say, or says
// in a way that cannot be read, stays empty.
func newLetter(m message) Letter {
	l := Letter{
		ID: m.sequence, Stored: m.stored, Header: m.header,
		EventID: own(m.header, "Event-Id"), Type: own(m.header, "Type"),
		Reason: own(m.header, "Reason"), Error: own(m.header, "Error"),
		Published: timeOf(m.header, "Published-At"), Failed: timeOf(m.header, "Failed-At"),
		Size: len(m.body),
	}
	// Filters work on the subject, so it is what counts; where it has a hash of the
	// event's, the header that fits it.
	l.Route, l.Subject, _ = strings.Cut(strings.TrimPrefix(m.subject, dlqPrefix), ".")
	if whole := own(m.header, "Subject"); bridge.LetterSubject(l.Route, whole) == m.subject {
		l.Subject = whole
	}
	l.Status, _ = strconv.Atoi(own(m.header, "Status"))
	l.Deliveries, _ = strconv.Atoi(own(m.header, "Deliveries"))
	l.Sequence, _ = strconv.ParseUint(own(m.header, "Sequence"), 10, 64)
	if size := m.header.Get(sizeHeader); size != "" {
		l.Size, _ = strconv.Atoi(size)
	}
	return l
}

// letter reads a whole letter. What its event says of itself stands in for
// headers that the letter does not have. The error is that of a body that
// cannot be read; the rest of the letter is there all the same.
func (m message) letter() (Letter, error) {
	l := newLetter(m)
	var err error
	if l.Body, err = event(m); err != nil {
		return l, err
	}
	if l.Type == "" && l.EventID == "" {
		l.Type, l.EventID = peek(l.Body)
	}
	return l, nil
}

func own(h nats.Header, name string) string { return h.Get(letterPrefix + name) }

func timeOf(h nats.Header, name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, own(h, name))
	return t
}

// carried are the headers that a copy takes along: not NATS's own, which would
// act on the copy, and not the letter's.
func carried(h nats.Header) nats.Header {
	kept := nats.Header{}
	for name, values := range h {
		if !hasPrefixFold(name, natsPrefix) && !hasPrefixFold(name, letterPrefix) {
			kept[name] = values
		}
	}
	return kept
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
