package bridge

import (
	"strconv"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// Ordering says which events of a route are delivered one after another, in the
// order of the stream. The zero Ordering is that of a Route that does not say,
// and keeps no order.
type Ordering uint8

// The orderings.
const (
	// OrderingNone keeps no order.
	OrderingNone Ordering = iota + 1
	// OrderingKey keeps the order of events that have the same key.
	OrderingKey
	// OrderingStrict keeps the order of all events of the route.
	OrderingStrict
)

func orderings() []string { return []string{"", "none", "key", "strict"} }

// String returns the ordering as BRIDGE_ORDERING spells it.
func (o Ordering) String() string { return orderings()[o] }

// MarshalText returns the same as String.
func (o Ordering) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads none, key or strict, in capitals too. Its error is a
// *ChoiceError.
func (o *Ordering) UnmarshalText(text []byte) error {
	i, err := Choose(text, orderings()[1:])
	if err != nil {
		return err
	}
	*o = Ordering(i + 1) //nolint:gosec // there are three
	return nil
}

// Keeps reports whether there is an order to keep.
func (o Ordering) Keeps() bool { return o == OrderingKey || o == OrderingStrict }

// Key returns what the events that must wait for m, and those that m must wait
// for, have in common with it: the key that the catalogue names for its type,
// its event_id where there is none, the same for all events of a strict route.
// An event that cannot be read waits for nobody: it becomes a dead letter.
//
// A key is a value of the payload: it goes into no log and no bucket.
func (o Ordering) Key(m Message) string {
	if o == OrderingStrict {
		return ""
	}
	event, err := schemas.Decode(m.Body)
	if err != nil {
		return "\x00" + strconv.FormatUint(m.Sequence, 10)
	}
	if entry, ok := subjects.ByType(event.Type); ok {
		if key, ok := event.Text(entry.Key...); ok {
			return key
		}
	}
	return event.ID
}
