package testbed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// StartServer starts a NATS server that is shut down with the test, if it was
// not before.
func StartServer(t testing.TB, c embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// ConfigFile returns the name of a configuration file of nats-server with this
// text. It is removed with the test.
func ConfigFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
