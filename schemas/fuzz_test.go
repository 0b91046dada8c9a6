package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/schemas"
)

// wellFormed fails where an error is more than one short printable line.
func wellFormed(t *testing.T, err error) {
	t.Helper()
	line := err.Error()
	if line == "" || len(line) > 256 {
		t.Errorf("an error of %d bytes: %q", len(line), line)
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			t.Errorf("not printable: %q", line)
			break
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range envelopes {
		if len(c.event) < 1<<16 {
			f.Add([]byte(c.event))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := schemas.Decode(data)
		if err != nil {
			wellFormed(t, err)
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("%q was read and cannot be encoded: %v", data, err)
		}
		e2, err := schemas.Decode(again)
		if err != nil {
			t.Fatalf("%q: %v", again, err)
		}
		if e2.Type != e.Type || e2.ID != e.ID || !e2.SentAt.Equal(e.SentAt) || string(e2.Payload) != string(e.Payload) {
			t.Errorf("%q\nbecame %q", data, again)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Errorf("%q: encoding/json: %v", data, err)
		}
		if string(want["payload"]) != string(e.Payload) {
			t.Errorf("payload %q, encoding/json reads %q", e.Payload, want["payload"])
		}
	})
}

func FuzzValidate(f *testing.F) {
	const canary = "c4n4ry"
	for _, typ := range schemas.Types() {
		f.Add(typ, must(schemas.Example(typ)))
		f.Add(typ, []byte(strings.ReplaceAll(string(must(schemas.Example(typ))), `"id":"`, `"id":"`+canary)))
		f.Add(typ, []byte(strings.ReplaceAll(string(must(schemas.Example(typ))), `_`, canary)))
	}
	f.Add("payment.success", []byte(`{"amount":1e99999,"customer":{"id":"a","id":"b"},"purpose":[],"currency":null}`))
	f.Fuzz(func(t *testing.T, typ string, payload []byte) {
		e, err := schemas.Wrap(typ, payload)
		if err != nil {
			wellFormed(t, err)
			if strings.Contains(err.Error(), canary) && !strings.Contains(typ, canary) {
				t.Errorf("a value in %q", err)
			}
			return
		}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := schemas.Decode(data)
		if err != nil || again.Validate() != nil {
			t.Fatalf("%q is valid once only: %v", data, err)
		}
		var want map[string]any
		if err := json.Unmarshal(payload, &want); err != nil {
			return // a number that float64 does not hold
		}
		for name, value := range want {
			text, ok := value.(string)
			if got, found := e.Text(name); found != ok || got != text {
				t.Errorf("Text(%q) = %q, %t; encoding/json reads %s", name, got, found, cmp.Diff(value, got))
			}
		}
	})
}

func BenchmarkDecodeAndValidate(b *testing.B) {
	for _, typ := range []string{"ticket.status_changed", "payment.success", "appointment.rescheduled"} {
		e, err := schemas.ExampleEvent(typ)
		if err != nil {
			b.Fatal(err)
		}
		data, err := e.Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(typ, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				e, err := schemas.Decode(data)
				if err != nil {
					b.Fatal(err)
				}
				if err := e.Validate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeLarge(b *testing.B) {
	body := strings.Repeat(`{"k":"value","n":[1,2,3]},`, 40_000)
	data := []byte(with(`"pad":[` + strings.TrimSuffix(body, ",") + `]`))
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := schemas.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
