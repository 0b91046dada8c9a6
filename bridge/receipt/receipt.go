package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

const (
	subjectPrefix = "receipt."
	mostHeaders   = 13
)

// receipt is what is told of one event. It does not keep the event's body.
type receipt struct {
	route, eventID, subject string
	sequence                uint64
	published, settled      time.Time
	delivery                int
	outcome                 bridge.Outcome
	delay, duration         time.Duration
	reason                  bridge.Reason
	err                     string
	status, attempts        int
}

func newReceipt(route string, m bridge.Message, v bridge.Verdict) *receipt {
	r := &receipt{
		route: route, eventID: v.EventID, subject: m.Subject, sequence: m.Sequence, published: m.Published, settled: time.Now(), delivery: m.Delivery,
		outcome: v.Outcome, delay: v.Delay, duration: v.Duration, reason: v.Reason, status: v.Status, attempts: v.Attempts,
	}
	// A rejection's error holds what the webhook answered, which may repeat the
	// payload; it is in the letter.
	if v.Outcome != bridge.Delivered && v.Reason != bridge.Rejected {
		r.err = v.Error
	}
	return r
}

// form is a message that is filled in with one receipt after another: whoever
// publishes copies it. It belongs to one goroutine.
type form struct {
	replica string
	msg     nats.Msg
	values  []string // of the headers
}

func newForm(replica string) *form {
	return &form{replica: replica, msg: nats.Msg{Header: make(nats.Header, mostHeaders)}, values: make([]string, 0, mostHeaders)}
}

// fill returns a receipt as it is published; with a reply, the stream says
// there that it is stored. It is valid until the next call.
func (f *form) fill(r *receipt, reply string) *nats.Msg {
	clear(f.msg.Header)
	f.values = f.values[:0]
	set := func(name, value string) {
		f.values = append(f.values, value)
		f.msg.Header[name] = f.values[len(f.values)-1 : len(f.values) : len(f.values)]
	}
	set("Makebridge-Event-Id", r.eventID)
	set("Makebridge-Subject", r.subject)
	set("Makebridge-Sequence", strconv.FormatUint(r.sequence, 10))
	set("Makebridge-Published-At", r.published.UTC().Format(time.RFC3339Nano))
	set("Makebridge-Settled-At", r.settled.UTC().Format(time.RFC3339Nano))
	set("Makebridge-Attempts", strconv.Itoa(r.attempts))
	set("Makebridge-Duration-Ms", strconv.FormatInt(r.duration.Milliseconds(), 10))
	set("Makebridge-Delivery", strconv.Itoa(r.delivery))
	set("Makebridge-Replica", f.replica)
	if r.status != 0 {
		set("Makebridge-Status", strconv.Itoa(r.status))
	}
	if r.outcome == bridge.Retried {
		set("Makebridge-Delay-Ms", strconv.FormatInt(r.delay.Milliseconds(), 10))
	}
	if r.reason != 0 {
		set("Makebridge-Reason", r.reason.String())
	}
	if r.err != "" {
		set("Makebridge-Error", r.err)
	}
	f.msg.Reply = reply
	f.msg.Subject = subjectPrefix + r.route + "." + r.outcome.String() + "." + part(r.eventID)
	return &f.msg
}

// part is which of 256 parts the receipts of an event are in.
func part(eventID string) string {
	sum := sha256.Sum256([]byte(eventID))
	return hex.EncodeToString(sum[:1])
}
