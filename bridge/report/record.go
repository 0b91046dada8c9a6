package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

// mostShares is how many shares a record remembers: enough to recognise one
// whose adding was not confirmed although other replicas have added since.
const mostShares = 32

// record is what the bucket has of a topic.
type record struct {
	// Published is when the last report was, by the server's clock. Left out,
	// it is the time of the entry itself: the record says so by being written.
	Published time.Time `json:"published,omitzero"`
	// Owed is what has happened since and is in no report yet.
	Owed tally `json:"owed,omitzero"`
	// Event is the report that is on its way: nobody has noted yet that the
	// stream has it.
	Event json.RawMessage `json:"event,omitempty"`
	// Shares are the ids of the last shares that were added.
	Shares []string `json:"shares,omitempty"`
}

// readRecord reads an entry; its Published is set.
func readRecord(e jetstream.KeyValueEntry) (record, error) {
	var c record
	if err := json.Unmarshal(e.Value(), &c); err != nil {
		return record{}, fmt.Errorf("read %s: %w", e.Key(), err)
	}
	if c.Published.IsZero() {
		c.Published = e.Created()
	}
	return c, nil
}

// has reports whether a share was added.
func (c record) has(s share) bool { return slices.Contains(c.Shares, s.id) }

// with is the record after a share was added.
func (c record) with(s share) record {
	if s.empty() {
		return c
	}
	c.Owed = c.Owed.plus(s.tally)
	c.Shares = append(slices.Clone(c.Shares), s.id)
	c.Shares = c.Shares[max(0, len(c.Shares)-mostShares):]
	return c
}

// sending is the record after all that is owed was put into a report.
func (c record) sending(t topic) (record, error) {
	payload, err := json.Marshal(struct {
		Route string `json:"route"`
		tally
	}{t.route, c.Owed})
	if err != nil {
		return c, fmt.Errorf("make report %s: %w", t.key(), err)
	}
	event, err := schemas.Wrap(t.subject, payload)
	if err != nil {
		return c, fmt.Errorf("make report %s: %w", t.key(), err)
	}
	if c.Event, err = event.Encode(); err != nil {
		return c, fmt.Errorf("make report %s: %w", t.key(), err)
	}
	c.Owed = tally{}
	return c, nil
}

// sent is the record after the stream has the report: published as of now.
func (c record) sent() record {
	c.Event, c.Published = nil, time.Time{}
	return c
}

// idle reports whether nothing is left to be published.
func (c record) idle() bool { return c.Owed.empty() && c.Event == nil }

// due is when the next report may be published; not at all later where the last
// one lies in the future, since then the server's clock was wrong.
func (c record) due(now time.Time, interval time.Duration) time.Time {
	due := c.Published.Add(interval)
	if due.Sub(now) > 2*interval {
		return now
	}
	return due
}
