package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/makebridge/makebridge/subjects"
)

// reserved are the subjects that the bridge uses itself. No event may be
// published on them by anybody else.
func reserved() []string { return []string{"redeliver.>", "dlq.>", "receipt.>"} }

// checkSubjects tells of subjects that no stream or consumer can hold, over all
// routes, since the stream holds those of the routes that are off too.
func checkSubjects(drafts []*draft, e environment, found *problems) {
	for i, d := range drafts {
		checkOwnSubjects(d, found)
		for _, other := range drafts[:i] {
			checkCrossing(d, other, e, found)
		}
	}
}

// checkOwnSubjects tells of those of one route. Subjects that overlap would be
// refused as filters of one consumer (JetStream error 10138).
func checkOwnSubjects(d *draft, found *problems) {
	for i, s := range d.Subjects {
		message := subjectFault(s)
		if message == "" {
			j := slices.IndexFunc(d.Subjects[:i], func(o string) bool { return subjects.Overlap(o, s) && subjectFault(o) == "" })
			if j >= 0 {
				message = "overlaps subject " + strconv.Itoa(j+1) + " of the same route"
			}
		}
		if message != "" {
			found.add(d.variable("SUBJECTS"), "subject "+strconv.Itoa(i+1)+" "+message)
		}
	}
}

// subjectFault says why no route can take a subject, if so.
func subjectFault(s string) string {
	switch {
	case !subjects.Valid(s):
		return "is not a valid NATS subject"
	case strings.HasPrefix(s, "$"):
		return "begins with $, which is NATS's own"
	case slices.ContainsFunc(reserved(), func(r string) bool { return subjects.Overlap(r, s) }):
		return "overlaps one of " + strings.Join(reserved(), ", ") + ", which are the bridge's own"
	}
	return ""
}

// checkCrossing tells of it under the name of a variable that is set, since
// the subjects of built-in routes do not cross by themselves.
func checkCrossing(a, b *draft, e environment, found *problems) {
	if !e.isSet(a.variable("SUBJECTS")) {
		a, b = b, a
	}
	for i, x := range a.Subjects {
		for j, y := range b.Subjects {
			if subjects.Crossing(x, y) && subjectFault(x) == "" && subjectFault(y) == "" {
				found.add(a.variable("SUBJECTS"), "subject "+strconv.Itoa(i+1)+" crosses subject "+strconv.Itoa(j+1)+
					" of "+b.variable("SUBJECTS")+" (route "+b.Name+"): neither covers the other, and no stream can hold both")
			}
		}
	}
}
