package trace

import (
	"fmt"
	"time"
)

// UnknownError says that nothing is known of an event, and where it was looked
// for.
type UnknownError struct {
	EventID, Stream string
	// From and To bound the part of the stream where it may be; zero where that
	// is all of the stream.
	From, To time.Time
	// Read is how many events of that part were looked at, of Total.
	Read, Total uint64
}

// Partial reports whether there are events that were not looked at.
func (e *UnknownError) Partial() bool { return e.Read < e.Total }

// Error names the event and where it was looked for.
func (e *UnknownError) Error() string {
	among := fmt.Sprintf("%d messages", e.Total)
	if e.Partial() {
		among = fmt.Sprintf("%d that were looked at of %d messages", e.Read, e.Total)
	}
	where := "of stream " + e.Stream
	if !e.From.IsZero() {
		where = fmt.Sprintf("that stream %s has from %s to %s", e.Stream, e.From.UTC().Format(time.RFC3339), e.To.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("nothing is known of event %s: there is no receipt, and it is not among the %s %s", e.EventID, among, where)
}
