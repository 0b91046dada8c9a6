package config

import (
	"errors"
	"testing"

	"github.com/makebridge/makebridge/bridge"
)

func TestInstallationReadsNoRoute(t *testing.T) {
	t.Parallel()
	in, err := LoadInstallation([]string{
		"NATS_URL=nats://h:1", "BRIDGE_STREAM=S", "BRIDGE_ORDERING=key",
		"MAKE_WEBHOOK_PAYMENTS_ORDERING=strict", "MAKE_WEBHOOK_PAYMENTS_URL_FILE=/nonexistent",
		"MAKE_WEBHOOK_CRM_URL=nonsense", "MAKE_WEBHOOK_CRM_ORDERING=strict", "MAKE_WEBHOOK_crm_URL=x",
		"MAKE_WEBHOOK_NOWHERE_ORDERING=strict",
	}, "BRIDGE_STREAM", "BRIDGE_ORDERING", "MAKE_WEBHOOK_<NAME>_ORDERING")
	if err != nil {
		t.Fatal(err)
	}
	if in.NATS.URL() != "nats://h:1" || in.Stream.Name != "S" || in.Stream.ReceiptsStream() != "S_RECEIPTS" {
		t.Errorf("%+v", in)
	}
	for route, want := range map[string]bridge.Ordering{"payments": bridge.OrderingStrict, "errors": bridge.OrderingKey, "crm": bridge.OrderingStrict} {
		if got := in.Ordering[route]; got != want {
			t.Errorf("%s: %s, want %s", route, got, want)
		}
	}
	if _, ok := in.Ordering["nowhere"]; ok {
		t.Error("a route without a webhook is one")
	}
}

func TestInstallationHasProblemsOfWhatIsUsed(t *testing.T) {
	t.Parallel()
	environ := []string{
		"NATS_PASSWORD=p", "BRIDGE_STREAM=a.b", "BRIDGE_DLQ_STREAM=a.b", "BRIDGE_BUCKET=a.b", "BRIDGE_CONCURRENCY=0",
		"MAKE_WEBHOOK_ERRORS_ORDERING=some", "MAKE_WEBHOOK_ERRORS_TIMEOUT=some",
	}
	for _, c := range []struct {
		uses, want []string
	}{
		{nil, []string{"NATS_PASSWORD"}},
		{[]string{"BRIDGE_BUCKET"}, []string{"NATS_PASSWORD", "BRIDGE_BUCKET"}},
		{[]string{"MAKE_WEBHOOK_<NAME>_ORDERING"}, []string{"NATS_PASSWORD", "MAKE_WEBHOOK_ERRORS_ORDERING"}},
	} {
		_, err := LoadInstallation(environ, c.uses...)
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != len(c.want) {
			t.Errorf("%v: %v", c.uses, err)
			continue
		}
		for i, p := range e.Problems {
			if p.Variable != c.want[i] {
				t.Errorf("%v: %s, want %s", c.uses, p, c.want[i])
			}
		}
	}
}
