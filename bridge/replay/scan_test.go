package replay

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestLastMessagesThatAreLostAreMissed although nothing comes after them: a stretch
// is not taken for shorter than it is.
func TestLastMessagesThatAreLostAreMissed(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.letter("one")
	b.letter("two")
	s := b.letters().source
	c, err := s.consumer(t.Context(), jetstream.ConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{next: 2, pending: 1, visit: func(message) bool { return true }} // the first has come
	lost, err := c.Fetch(2)
	if err != nil {
		t.Fatal(err)
	}
	for range lost.Messages() {
	}
	if err := r.recount(t.Context(), c); !errors.Is(err, errGap) {
		t.Errorf("%d pending: %v", r.pending, err)
	}
	r.next = 3 // both have
	if err := r.recount(t.Context(), c); err != nil || r.pending != 0 {
		t.Errorf("%d pending: %v", r.pending, err)
	}
}
