package bridge

import (
	"testing"
	"time"
)

func TestMadeAt(t *testing.T) {
	for id, want := range map[string]time.Time{
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f": time.Date(2022, 2, 22, 19, 22, 22, 0, time.UTC), // RFC 9562 §A.6
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F": time.Date(2022, 2, 22, 19, 22, 22, 0, time.UTC),
		"919108f7-52d1-4320-9bac-f847db4148a8": {}, // version 4
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398x": {},
		"order-4711":                           {},
		"":                                     {},
	} {
		got, ok := MadeAt(id)
		if !got.Equal(want) || ok == want.IsZero() {
			t.Errorf("%q: %s, %t", id, got, ok)
		}
	}
}
