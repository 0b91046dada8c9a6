package stream

import (
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// dangers are settings of a stream that can lose or refuse what it is to keep.
// Provisioning leaves them alone: they are somebody's choice.
func dangers(have, want jetstream.StreamConfig) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	full := "what is oldest is dropped when it is full"
	if have.Discard == jetstream.DiscardNew {
		full = "publishing is refused when it is full"
	}
	if have.MaxMsgs > 0 {
		add("max messages %d: %s", have.MaxMsgs, full)
	}
	if have.MaxBytes > 0 {
		add("max bytes %d: %s", have.MaxBytes, full)
	}
	if have.MaxMsgsPerSubject > 0 {
		what := "the oldest of a subject is dropped"
		if have.DiscardNewPerSubject {
			what = "publishing on a full subject is refused"
		}
		add("max messages per subject %d: %s", have.MaxMsgsPerSubject, what)
	}
	if have.MaxMsgSize > 0 {
		add("max message size %d: larger ones are refused", have.MaxMsgSize)
	}
	if have.NoAck {
		add("no acknowledgements: a publisher cannot know what is stored")
	}
	if have.Storage == jetstream.MemoryStorage {
		add("memory storage: a restart of the server loses everything")
	}
	if have.Duplicates < want.Duplicates {
		add("duplicate window %s: what is published again after that is stored twice; %s is better", have.Duplicates, want.Duplicates)
	}
	return list
}
