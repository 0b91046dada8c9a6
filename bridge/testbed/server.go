package testbed

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
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

// Port is where a server listens, for another that takes its place.
func Port(t testing.TB, s *embedded.Server) int {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
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
