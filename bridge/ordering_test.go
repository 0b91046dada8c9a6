package bridge

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

func TestOrderingKey(t *testing.T) {
	event := func(typ, payload string) []byte {
		return []byte(`{"type":"` + typ + `","event_id":"id-1","sent_at":"2026-01-31T12:00:00Z","payload":` + payload + `}`)
	}
	for _, c := range []struct {
		name     string
		ordering Ordering
		body     []byte
		want     string
	}{
		{"a payment", OrderingKey, event("payment.success", `{"payment_id":"pay-7"}`), "pay-7"},
		{"its failure", OrderingKey, event("payment.failed", `{"payment_id":"pay-7"}`), "pay-7"},
		{"a payment of an appointment", OrderingKey, event("appointment.payment.confirmed", `{"payment_id":"pay-7","appointment_id":"a-1"}`), "a-1"},
		{"the sender of a message", OrderingKey, event("message.sent", `{"message_id":"m","sender":{"id":"usr-1"}}`), "usr-1"},
		{"a type without a key", OrderingKey, event("payment.refunded", `{"payment_id":"pay-7"}`), "id-1"},
		{"a payload without its key", OrderingKey, event("payment.success", `{}`), "id-1"},
		{"a key that is no text", OrderingKey, event("payment.success", `{"payment_id":7}`), "id-1"},
		{"not an event", OrderingKey, []byte(`{`), "\x009"},
		{"strict", OrderingStrict, event("payment.success", `{"payment_id":"pay-7"}`), ""},
		{"strict, not an event", OrderingStrict, []byte(`{`), ""},
	} {
		if got := c.ordering.Key(Message{Body: c.body, Sequence: 9}); got != c.want {
			t.Errorf("%s: key %q, want %q", c.name, got, c.want)
		}
	}
}

// TestEveryTypeHasAnOrderingKey: the example of each type of the catalogue is
// ordered by its payload, not by its event_id.
func TestEveryTypeHasAnOrderingKey(t *testing.T) {
	for _, entry := range subjects.Catalogue() {
		e, err := schemas.ExampleEvent(entry.Type)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		key := OrderingKey.Key(Message{Body: body})
		if key == "" || key == e.ID || !strings.Contains(string(e.Payload), `"`+key+`"`) {
			t.Errorf("%s is ordered by %q", entry.Type, key)
		}
	}
}

func TestOrderingText(t *testing.T) {
	for _, want := range []Ordering{OrderingNone, OrderingKey, OrderingStrict} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Ordering
		if err := got.UnmarshalText([]byte(strings.ToUpper(string(text)))); err != nil || got != want {
			t.Errorf("%s is read as %s: %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "fifo", "0"} {
		var o Ordering
		if err := o.UnmarshalText([]byte(bad)); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
