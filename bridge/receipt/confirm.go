package receipt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// mostUnconfirmed is how many receipts are on their way at the most. A
	// server that stores more slowly than it receives keeps 10,000 messages of
	// a stream (max_buffered_msgs), and drops further ones without a word.
	mostUnconfirmed = 4096
	// askEvery is how many receipts one question is for: while there is an
	// answer to wait for, the next ones are on their way.
	askEvery = mostUnconfirmed / 4
	// confirmEvery is how long an answer is good for: while there are receipts,
	// one asks after half of it, and where the last answer is older, the next
	// receipt has to be stored before others are published.
	confirmEvery = 10 * time.Second
	// confirmTimeout is how long an answer may take.
	confirmTimeout = 2 * time.Second
)

// confirmations knows how many receipts are on their way. A stream needs no
// answer to store a message, so only some of the receipts ask for one, which is
// good for all before it. It belongs to the goroutine that publishes.
type confirmations struct {
	stream    string // which has to store them
	inbox     string
	timeout   time.Duration // of an answer
	published uint64        // how many receipts were
	asked     uint64        // the number of the last that asks
	stored    uint64        // the number of the last that is known to be stored
	at        time.Time     // when that became known
	open      []question    // the oldest first
}

// question is a receipt that asks whether it is stored.
type question struct {
	number uint64
	one    *receipt
	at     time.Time
}

// fresh reports whether there has been an answer lately.
func (c *confirmations) fresh(now time.Time) bool { return now.Sub(c.at) <= confirmEvery }

// unsure reports whether it is about to be known if receipts are stored at all.
func (c *confirmations) unsure(now time.Time) bool { return !c.fresh(now) && len(c.open) > 0 }

// room reports whether one more receipt may be published now.
func (c *confirmations) room(now time.Time) bool {
	if !c.fresh(now) {
		return len(c.open) == 0
	}
	return c.published-c.stored < mostUnconfirmed
}

// count counts a receipt that is about to be published, and returns where it
// asks for an answer, if it does.
func (c *confirmations) count(one *receipt, now time.Time) (reply string) {
	c.published++
	due := len(c.open) == 0 && now.Sub(c.at) > confirmEvery/2
	if !due && c.published-c.asked < askEvery {
		return ""
	}
	c.asked = c.published
	c.open = append(c.open, question{c.published, one, now})
	return c.inbox + "." + strconv.FormatUint(c.published, 10)
}

// answered takes an answer. It returns the receipt that was refused, if it was,
// and why. An answer that came too late is none.
func (c *confirmations) answered(m *nats.Msg, now time.Time) (*receipt, error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, c.inbox+"."), 10, 64)
	if err != nil {
		return nil, nil //nolint:nilerr // no answer of ours
	}
	for i, q := range c.open {
		if q.number != number {
			continue
		}
		if err := c.refusal(m); err != nil {
			c.forget()
			return q.one, err
		}
		c.stored, c.at, c.open = number, now, c.open[i+1:]
		break
	}
	return nil, nil
}

// late returns the receipt that has been waiting for its answer for too long, if
// one has.
func (c *confirmations) late(now time.Time) *receipt {
	if len(c.open) == 0 || now.Sub(c.open[0].at) < c.timeout {
		return nil
	}
	one := c.open[0].one
	c.forget()
	return one
}

// forget gives up waiting: what is on its way may be lost.
func (c *confirmations) forget() {
	c.open, c.stored, c.asked, c.at = nil, c.published, c.published, time.Time{}
}

// refusal is why a receipt was not stored where it belongs, as its answer says. A
// header that demands the stream would be stored too, in the receipts that ask.
func (c *confirmations) refusal(m *nats.Msg) error {
	if m.Header.Get("Status") != "" { // nobody listens at the subject
		return jetstream.ErrNoStreamResponse
	}
	var a struct {
		Stream string              `json:"stream"`
		Error  *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &a); {
	case err != nil:
		return fmt.Errorf("%w: %w", jetstream.ErrInvalidJSAck, err)
	case a.Error != nil:
		return a.Error
	case a.Stream == "":
		return jetstream.ErrInvalidJSAck
	case a.Stream != c.stream:
		return strayError(a.Stream)
	}
	return nil
}

// strayError names the stream that receipts come to instead of their own.
type strayError string

func (e strayError) Error() string { return "stream " + string(e) + " holds them" }

// explain adds to what is in the way what an operator can do about it.
func (r *Recorder) explain(err error, one *receipt) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream holds %s>: create %s, or set BRIDGE_RECEIPTS=off", subjectPrefix, r.cfg.Stream)
	case errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("no answer from stream %s: may this user publish to %s%s.>?", r.cfg.Stream, subjectPrefix, one.route)
	}
	return fmt.Errorf("store a receipt in %s: %w", r.cfg.Stream, err)
}
