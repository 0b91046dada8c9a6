package backlog

import (
	"testing"
	"time"
)

// TestDecodeDue: a note is read as package stream writes it, and as anybody
// else may write the same.
func TestDecodeDue(t *testing.T) {
	want := time.Date(2026, 1, 31, 12, 0, 0, 5e8, time.UTC)
	for _, note := range []string{
		`{"reply":"$JS.ACK.EVENTS.payments.1.7.3.1795477380000000000.0","due":"2026-01-31T12:00:00.5Z"}`,
		`{"reply":"$JS.ACK.x","due":"2026-01-31T13:00:00.5+01:00"}`,
		`{"due":"2026-01-31T12:00:00.5Z"}`,
		`{"reply":"x","due":"2026-01-31T12:00:00.5Z","tries":2}`,
		`{ "due": "2026-01-31T12:00:00.5Z", "reply": "x" }`,
		`{"reply":"an odd one: ,\"due\":\"","due":"2026-01-31T12:00:00.5Z"}`,
	} {
		if got, err := decodeDue([]byte(note)); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", note, got, err)
		}
	}
	for _, note := range []string{``, `{`, `{"reply":"x","due":"soon"}`, `{"reply":"x","due":7}`} {
		if got, err := decodeDue([]byte(note)); err == nil {
			t.Errorf("%s: %v", note, got)
		}
	}
}

// BenchmarkDecodeDue reads one note of the hundred thousand that there may be.
func BenchmarkDecodeDue(b *testing.B) {
	note := []byte(`{"reply":"$JS.ACK.EVENTS.payments.1.7.3.1795477380000000000.0","due":"2026-01-31T12:00:00.123456789Z"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeDue(note); err != nil {
			b.Fatal(err)
		}
	}
}
