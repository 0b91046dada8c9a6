package replay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nuid"
)

// Run names one replay of events, so that it can be interrupted and go on: the
// copies that it publishes have ids of its own, and it knows which part of the
// stream is left. Its text, which ParseRun reads, holds all of it.
type Run struct {
	token string
	// after is the sequence after which it begins, through the last that it
	// includes.
	after, through uint64
}

// newRun begins a run over a part of a stream.
func newRun(part stretch) Run {
	return Run{nuid.Next(), part.from - 1, part.to}
}

// IsZero reports whether there is no run to go on with.
func (r Run) IsZero() bool { return r.token == "" }

// String returns what ParseRun reads.
func (r Run) String() string { return fmt.Sprintf("%s-%d-%d", r.token, r.after, r.through) }

// from returns the run that is left when everything up to a sequence is done.
func (r Run) from(after uint64) Run {
	r.after = after
	return r
}

// id names the copy of an event within the run.
func (r Run) id(route, stream string, m message) string {
	return fmt.Sprintf("event:%s:%s:%s:%d", r.token, route, stream, m.sequence)
}

// ParseRun reads what Run.String returned.
func ParseRun(text string) (Run, error) {
	token, rest, _ := strings.Cut(text, "-")
	first, last, _ := strings.Cut(rest, "-")
	after, err := strconv.ParseUint(first, 10, 64)
	through, err2 := strconv.ParseUint(last, 10, 64)
	if err != nil || err2 != nil || token == "" || len(token) > 64 || strings.ContainsFunc(token, notAlphanumeric) {
		return Run{}, errors.New("is not the name of a run, such as an interrupted replay prints")
	}
	return Run{token, after, through}, nil
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
