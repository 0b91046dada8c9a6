package config

import (
	"strings"
	"testing"
)

// TestNamesThatReceiptsTakeAreFreeWithoutThem: what is refused because of the
// stream of receipts is accepted where there is none.
func TestNamesThatReceiptsTakeAreFreeWithoutThem(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"BRIDGE_DLQ_STREAM=EVENTS_RECEIPTS", "BRIDGE_STREAM=" + strings.Repeat("a", maxStreamName)} {
		if _, err := Load(append(on(), entry)); err == nil {
			t.Errorf("%s is accepted beside receipts", entry)
		}
		if _, err := Load(append(on(), entry, "BRIDGE_RECEIPTS=off")); err != nil {
			t.Errorf("%s without receipts: %v", entry, err)
		}
	}
}
