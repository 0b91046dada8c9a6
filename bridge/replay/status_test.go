package replay

import (
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// statuses are values of a header Status that mean something to a NATS client, and
// one that does not.
var statuses = [...]string{"paid", "100", "400", "404", "408", "409", "503"}

// TestLetterWithAStatusOfItsOwn is a letter like others: a header Status is the
// business of the service that published the event.
func TestLetterWithAStatusOfItsOwn(t *testing.T) {
	b := newBed(t, embedded.Config{})
	want := []uint64{b.letter("first")}
	for _, status := range statuses {
		want = append(want, b.letter(status, "Status", status))
	}
	want = append(want, b.letter("last"))
	if got := b.ids(Filter{}); len(got) != len(want) {
		t.Errorf("%d of %d letters are selected", len(got), len(want))
	}
	page, err := b.letters().Page(t.Context(), Filter{}, 100)
	if err != nil || len(page) != len(want) {
		t.Errorf("%d of %d letters are on the page: %v", len(page), len(want), err)
	}
	// With headers only, and from when the first such letter was stored on.
	for i, status := range statuses {
		id := want[i+1]
		l, err := b.letters().Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.ids(Filter{EventID: status, Since: l.Stored}); len(got) != 1 || got[0] != id {
			t.Errorf("Status %s: the letters %v are selected, want %d", status, got, id)
		}
	}
	if tally := b.replay(want...); tally.Done != len(want) {
		t.Errorf("%+v", tally)
	}
}

// TestEventWithAStatusOfItsOwn and TestLetterWithAStatusOfItsOwn are one, but for
// events without a body: they are read whole.
func TestEventWithAStatusOfItsOwn(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.event("payments.success", "payment.success", "first")
	for _, status := range statuses {
		b.publish("payments.success", eventBody("payment.success", status), "Status", status)
		b.publish("payments.success", "", "Status", status)
	}
	b.publish("payments.success", eventBody("payment.odd", "last"))
	all := b.pick(Selection{Route: "payments"}).Sequences
	if want := 2 + 2*len(statuses); len(all) != want {
		t.Errorf("%d of %d events are selected", len(all), want)
	}
	if odd := b.pick(Selection{Route: "payments", Type: "payment.odd"}).Sequences; len(odd) != 1 {
		t.Errorf("%d events are selected by their bodies, want the last", len(odd))
	}
}
