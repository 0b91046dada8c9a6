package main

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestConnectionThatTheServerEndsForGood ends the bridge with an error, for somebody
// to start it again: the NATS client makes no other connection after such a word.
func TestConnectionThatTheServerEndsForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start("NATS_URL="+ender(t), "BRIDGE_SHUTDOWN_TIMEOUT=1s")
	status := <-p.exit
	p.exit <- status // for the cleanup
	if status != exitFailed {
		t.Errorf("exit status %d, want %d", status, exitFailed)
	}
	if !strings.Contains(p.log.String(), "the NATS server has ended the connection: nats: maximum control line exceeded") {
		t.Errorf("log:\n%s", p.log.String())
	}
}

// ender returns the address of a server that lets a client connect and then calls
// what it was sent too long.
func ender(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		say := func(line string) { _, _ = conn.Write([]byte(line + "\r\n")) }
		say(`INFO {"server_id":"ender","version":"2.12.0","proto":1,"headers":true,"jetstream":true,"max_payload":1048576}`)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if lines.Text() == "PING" {
				say("PONG")
				say("-ERR 'maximum control line exceeded'")
			}
		}
	}()
	return "nats://" + l.Addr().String()
}
