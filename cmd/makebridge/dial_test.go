package main

import (
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestSilentServerIsNoAnswer: it takes the connection and says nothing.
func TestSilentServerIsNoAnswer(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cfg, err := config.Load([]string{"NATS_URL=nats://" + silent.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = dial(cfg.NATS, nats.Timeout(50*time.Millisecond))
	if err == nil || !strings.HasSuffix(err.Error(), ": no answer; is the server running, and is NATS_URL right?") {
		t.Error(err)
	}
}

// TestServerWithoutTLS is told as such, with what asks for TLS.
func TestServerWithoutTLS(t *testing.T) {
	url := testbed.StartServer(t, embedded.Config{}).URL()
	another := httptest.NewTLSServer(nil)
	defer another.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: another.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, environ := range map[string][]string{
		"unset NATS_CA, NATS_CERT and NATS_KEY": {"NATS_URL=" + url, "NATS_CA=" + ca},
		"write nats:// in NATS_URL":             {"NATS_URL=" + strings.Replace(url, "nats://", "tls://", 1)},
	} {
		cfg, err := config.Load(environ)
		if err != nil {
			t.Fatal(err)
		}
		_, err = dial(cfg.NATS)
		if err == nil || !strings.HasSuffix(err.Error(), ": the server offers no TLS: "+want+", or turn TLS on there") {
			t.Error(err)
		}
	}
}
