package report

import "strings"

// The subjects of reports, which are their types too.
const (
	// DeadLettered says that events of a route were dead-lettered.
	DeadLettered = "admin.events.dead_lettered"
	// DestinationHeld says that a route's destination is held.
	DestinationHeld = "admin.destination.held"
	// DestinationRecovered says that it works again.
	DestinationRecovered = "admin.destination.recovered"
)

// isReport reports whether an event on this subject is a report.
func isReport(subject string) bool {
	return subject == DeadLettered || subject == DestinationHeld || subject == DestinationRecovered
}

// topic is what is reported on at most once an interval.
type topic struct{ subject, route string }

const keyPrefix = "report."

// key is the topic's in the bucket: report.dead_lettered.payments.
func (t topic) key() string { return keyPrefix + kind(t.subject) + "." + t.route }

// kind is the last part of a report's subject.
func kind(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// topicOf reads a key; it reports false for one that this version does not know.
func topicOf(key string) (topic, bool) {
	name, route, _ := strings.Cut(strings.TrimPrefix(key, keyPrefix), ".")
	for _, subject := range []string{DeadLettered, DestinationHeld, DestinationRecovered} {
		if name == kind(subject) {
			return topic{subject, route}, true
		}
	}
	return topic{}, false
}
