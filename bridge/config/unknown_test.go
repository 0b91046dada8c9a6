package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnknown(t *testing.T) {
	t.Parallel()
	got := Unknown([]string{
		"BRIDGE_CONCURENCY=1", "BRIDGE_SOMETHING_ELSE=1", "bridge_stream=x", "HOME=/", "OTHER_BRIDGE_X=1",
		"MAKE_WEBHOOK_PAYMENTS_URI=x", "MAKE_WEBHOOK_URL=x", "MAKE_WEBHOOK_ERRORS_MIN_SEVERITY=LOW", "MAKE_WEBHOOK_ADMIN_MIN_SEVERITY=LOW",
		"BRIDGE_STREAM=", "BRIDGE_STREM=", "MAKE_WEBHOOK_ANY_SIGNING_SECRET_FILE=x",
		// What Kubernetes sets for services named bridge and make-webhook.
		"BRIDGE_SERVICE_HOST=1", "BRIDGE_SERVICE_PORT=1", "BRIDGE_SERVICE_PORT_HTTP_METRICS=1", "BRIDGE_PORT=1", "BRIDGE_PORT_8080_TCP=1",
		"BRIDGE_PORT_8080_TCP_ADDR=1", "BRIDGE_PORT_8080_UDP_PROTO=1", "BRIDGE_PORT_8080_SCTP_PORT=1", "MAKE_WEBHOOK_SERVICE_HOST=1",
		"BRIDGE_PORT_x=1",
	})
	want := []UnknownVariable{
		{"BRIDGE_CONCURENCY", "BRIDGE_CONCURRENCY"},
		{"BRIDGE_PORT_x", ""},
		{"BRIDGE_SOMETHING_ELSE", ""},
		{"BRIDGE_STREM", "BRIDGE_STREAM"},
		{"MAKE_WEBHOOK_ADMIN_MIN_SEVERITY", ""},
		{"MAKE_WEBHOOK_PAYMENTS_URI", "MAKE_WEBHOOK_PAYMENTS_URL"},
		{"MAKE_WEBHOOK_URL", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
