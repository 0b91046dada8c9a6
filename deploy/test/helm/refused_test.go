package helm

import (
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/strvals"
)

// TestWrongValuesAreRefused: the message says which value, and what is wrong.
func TestWrongValuesAreRefused(t *testing.T) {
	for _, c := range []struct{ example, set, want string }{
		{"trial", "replicas=two", "replicas"},
		{"trial", "replica=2", "replica"},
		{"trial", "routes.payments.url=http://hook.example.com/x", "url"},
		{"trial", "routes.payments.apikey=x", "apikey"},
		{"trial", "routes.Payments.url=https://hook.example.com/x", "Payments"},
		{"trial", "routes.payments.settings.CONCURENCY=3", "CONCURENCY"},
		{"trial", "routes=null", "no route is on"},
		{"trial", "config.BRIDGE_SHUTDOWN_TIMEOUT=1m", "BRIDGE_SHUTDOWN_TIMEOUT"},
		{"trial", "config.LOG_LEVEL=debug", "LOG_LEVEL"},
		{"trial", "nats.auth=password", "auth"},
		{"trial", "nats.auth=nkey", "nats.existingSecret must name the Secret"},
		{"trial", "nats.url=nats://user:password@nats:4222", "url"},
		{"trial", "image.digest=latest", "digest"},
		{"trial", "port=0", "port"},
		{"keda", "keda.minReplicas=0", "minReplicas"},
		{"keda", "routes.messages.url=https://hook.example.com/x", "keep them in one place"},
	} {
		values := valuesOf(t, filepath.Join(examplesDir, c.example+".yaml"))
		if err := strvals.ParseInto(c.set, values); err != nil {
			t.Fatal(err)
		}
		_, err := render(t, values)
		if err == nil {
			t.Errorf("%s: accepted", c.set)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.set, err)
		}
	}
}
