package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestWhatIsMissingIsSaidAtOnce where the bridge may not create it: in one error that
// names all of it, which /readyz gives as well.
func TestWhatIsMissingIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start("BRIDGE_PROVISION=false")
	const ends = `,"msg":"cannot consume yet`
	said := func() (all []string) {
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, ends) {
				all = append(all, line)
			}
		}
		return all
	}
	names := func(text string, all ...string) bool {
		for _, one := range all {
			if !strings.Contains(text, one) {
				return false
			}
		}
		return true
	}
	p.eventually("it to say what is missing", func() bool { return len(said()) > 0 })
	if first := said()[0]; !names(first, "bucket makebridge does not exist", "stream EVENTS does not exist", "stream EVENTS_DLQ does not exist") {
		t.Errorf("it said %s", first)
	}
	if _, ready := p.health("/readyz"); !names(ready, "bucket makebridge does not exist", "stream EVENTS does not exist") {
		t.Errorf("/readyz said %s", ready)
	}
	if status, _, log := w.command("setup"); status != exitDone { // of no route: none is on there
		t.Fatalf("setup: exit status %d: %s", status, log)
	}
	if err := w.js.DeleteKeyValue(t.Context(), "makebridge"); err != nil {
		t.Fatal(err)
	}
	p.eventually("it to say what is missing still", func() bool {
		last := said()[len(said())-1]
		return names(last, "bucket makebridge does not exist", "consumer payments does not exist") && !names(last, "stream EVENTS")
	})
}

// TestServerThatIsTooOld is named, and nothing is created there. It is the server of
// the tests that tells another version of itself.
func TestServerThatIsTooOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	version := w.js.Conn().ConnectedServerVersion()
	old := "2.10." + strings.Repeat("9", len(version)-len("2.10.")) // as long: what it stands in may be counted
	w.env = append(w.env, "NATS_URL="+disguise(t, w.nats.URL(), `"version":"`+version+`"`, `"version":"`+old+`"`))
	mend := "nats-server " + old + " is too old for bucket makebridge, whose keys expire: update it to 2.11 or newer"
	for _, args := range [][]string{{"check"}, {"setup"}} {
		if status, said := ask(args, w.env...); status != exitFailed || !strings.Contains(said, mend) {
			t.Errorf("%v: exit status %d: %s", args, status, said)
		}
	}
	for name := range w.js.StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was created", name)
	}
	p := w.start()
	p.eventually("it to say so", func() bool {
		return strings.Contains(p.log.String(), "cannot consume yet") && strings.Contains(p.log.String(), mend)
	})
}

// disguise returns the URL of a proxy before a NATS server, in whose words one text is
// replaced by another of the same length.
func disguise(t *testing.T, url, text, by string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	serve := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
		if err != nil {
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		_, _ = io.Copy(replacer{client, []byte(text), []byte(by)}, server)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(client)
		}
	}()
	return "nats://" + listener.Addr().String()
}

// replacer replaces a text in what is written to it.
type replacer struct {
	to       io.Writer
	text, by []byte
}

func (r replacer) Write(b []byte) (int, error) { return r.to.Write(bytes.ReplaceAll(b, r.text, r.by)) }
