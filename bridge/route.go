package bridge

import (
	"fmt"
	"slices"
	"time"
)

// Route binds subjects to a destination and owns one durable consumer, named
// after it. A Route is valid by construction (package config) and is not
// changed once the bridge runs.
type Route struct {
	// Name is the route's and its consumer's name: lower case, digits, dashes.
	Name string
	// Subjects are what the route's consumer filters on.
	Subjects []string
	// Destination is where its events go when the bridge starts; what it is
	// replaced with is Pipeline.Destination. Routes with one URL share it.
	Destination *Destination
	// Concurrency is the number of requests in flight, in each replica.
	Concurrency int
	// Timeout bounds one request, from dialling to the end of the answer.
	Timeout time.Duration
	// Ordering says which events are delivered one after another.
	Ordering Ordering
	// Start says where the route's consumer begins when it is created.
	Start Start
	// MinSeverity, where set, keeps error events below it from being delivered.
	MinSeverity Severity
}

// Start is where a consumer that is created begins. The zero Start is the
// oldest event of the stream.
type Start struct {
	// New begins with the events published after the consumer was created.
	New bool
	// At, unless zero, begins with the first event stored at or after it.
	At time.Time
}

// Destination is one webhook with all that is kept for it: routes with the
// same URL share the Destination, and with it its pacing and its hold.
type Destination struct {
	URL WebhookURL
	// APIKey is sent as x-make-apikey; the zero Secret sends no such header.
	APIKey Secret
	// SigningKeys are the decoded keys of Standard Webhooks signatures, more
	// than one while a key is rotated; with none nothing is signed.
	SigningKeys []Secret
	// Limit is the pace of requests over all replicas; the zero Limit is none.
	Limit Limit
}

// Same reports whether two configurations of one URL agree.
func (d *Destination) Same(o *Destination) bool {
	return d.URL.ID() == o.URL.ID() && d.APIKey == o.APIKey &&
		slices.Equal(d.SigningKeys, o.SigningKeys) && d.Limit == o.Limit
}

// Limit allows at most Requests in any window of length Window.
type Limit struct {
	Requests int
	Window   time.Duration
}

// IsZero reports whether there is no limit.
func (l Limit) IsZero() bool { return l.Requests == 0 }

// String returns the limit as it is configured: "300/10s", or "off".
func (l Limit) String() string {
	if l.IsZero() {
		return "off"
	}
	return fmt.Sprintf("%d/%s", l.Requests, l.Window)
}

// Severity ranks error events. The zero Severity is none.
type Severity uint8

// The severities of error.occurred, lowest first.
const (
	SeverityLow Severity = iota + 1
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// ParseSeverity reads LOW, MEDIUM, HIGH or CRITICAL.
func ParseSeverity(name string) (Severity, bool) {
	for s := SeverityLow; s <= SeverityCritical; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// String returns the severity's name.
func (s Severity) String() string {
	return [...]string{"", "LOW", "MEDIUM", "HIGH", "CRITICAL"}[s]
}
