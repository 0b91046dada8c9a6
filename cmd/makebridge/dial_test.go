package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/config"
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
