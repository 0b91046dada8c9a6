package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, rawURL string, opts ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(rawURL, append(opts, nats.Timeout(testbed.Patience))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestServersOfOneProcessAreApart(t *testing.T) {
	a, b := start(t, embedded.Config{}), start(t, embedded.Config{})
	_, jsA := connect(t, a.URL())
	_, jsB := connect(t, b.URL())
	ctx := deadline(t)
	if _, err := jsA.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := jsA.Publish(ctx, "payments.success", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if _, err := jsB.Stream(ctx, "EVENTS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("stream of the first server, looked up in the second: %v, want not found", err)
	}
}

func TestRestartOnThePortAndStoreKeepsTheStream(t *testing.T) {
	store := t.TempDir()
	port := testbed.FreePort(t)
	first := start(t, embedded.Config{Port: port, StoreDir: store, SyncAlways: true})
	nc, js := connect(t, first.URL())
	ctx := deadline(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "payments.success", []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	nc.Close()

	for range 3 {
		first.Shutdown()
		first = start(t, embedded.Config{Port: port, StoreDir: store})
	}
	_, js = connect(t, first.URL())
	s, err := js.Stream(ctx, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != `{"n":1}` {
		t.Errorf("message after the restarts is %s", m.Data)
	}
}

func TestShutdownFreesThePortAndTheTemporaryStore(t *testing.T) {
	s := start(t, embedded.Config{Port: testbed.FreePort(t)})
	connect(t, s.URL(), nats.NoReconnect())
	if _, err := os.Stat(s.StoreDir()); err != nil {
		t.Fatalf("store of a running server: %v", err)
	}
	s.Shutdown()
	s.Shutdown() // the second does nothing

	l, err := net.Listen("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	if err != nil {
		t.Fatalf("port after Shutdown: %v", err)
	}
	_ = l.Close()
	if _, err := os.Stat(s.StoreDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary store after Shutdown: %v, want it gone", err)
	}
}

func TestShutdownLeavesTheCallersStore(t *testing.T) {
	store := t.TempDir()
	s := start(t, embedded.Config{StoreDir: store})
	s.Shutdown()
	if _, err := os.Stat(filepath.Join(store, "jetstream")); err != nil {
		t.Errorf("store after Shutdown: %v", err)
	}
}

func TestTakenPortIsExplained(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	store := t.TempDir()

	s, err := embedded.Start(embedded.Config{Port: l.Addr().(*net.TCPAddr).Port, StoreDir: store})
	if err == nil {
		s.Shutdown()
		t.Fatal("started on a taken port")
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error does not wrap EADDRINUSE: %v", err)
	}
	for _, want := range []string{l.Addr().String(), "--nats-port"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if touched, _ := os.ReadDir(store); len(touched) > 0 {
		t.Errorf("store was touched: %v", touched)
	}
}

func TestBadSettingsAreErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.conf")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  embedded.Config
		want string
	}{
		"port":     {embedded.Config{Port: 70000}, "70000"},
		"host":     {embedded.Config{Host: "192.0.2.1"}, "192.0.2.1"},
		"file":     {embedded.Config{ConfigFile: missing}, missing},
		"settings": {embedded.Config{ConfigFile: write(t, `no_auth_user: "ghost"`)}, "configure the nats server"},
		"store":    {embedded.Config{StoreDir: file}, "start the nats server"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := embedded.Start(c.cfg)
			if err == nil {
				s.Shutdown()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error lacks %q: %v", c.want, err)
			}
		})
	}
}

// What nats-server calls fatal would end the process if its own logger had
// the say.
func TestFatalOfTheServerIsReturned(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s, err := embedded.Start(embedded.Config{ConfigFile: write(t, fmt.Sprintf("http: %q", l.Addr()))})
	if err == nil {
		s.Shutdown()
		t.Fatal("started without its monitoring port")
	}
	if !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error does not say why: %v", err)
	}
}

func TestConfigFileBringsAccountsAndFieldsWin(t *testing.T) {
	conf := write(t, `
		listen: "127.0.0.1:1"
		max_payload: 2048
		accounts {
			STAGING    { jetstream: enabled, users: [{user: staging, password: s}] }
			PRODUCTION { jetstream: enabled, users: [{user: production, password: p}] }
		}`)
	s := start(t, embedded.Config{ConfigFile: conf, Port: testbed.FreePort(t)})
	ctx := deadline(t)
	nc, staging := connect(t, s.URL(), nats.UserInfo("staging", "s"))
	_, production := connect(t, s.URL(), nats.UserInfo("production", "p"))
	if _, err := staging.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := production.Stream(ctx, "EVENTS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("staging's stream in production: %v, want not found", err)
	}
	if nc.MaxPayload() != 2048 {
		t.Errorf("max_payload is %d, the file says 2048", nc.MaxPayload())
	}
	if bare, err := nats.Connect(s.URL()); !errors.Is(err, nats.ErrAuthorization) {
		if err == nil {
			bare.Close()
		}
		t.Errorf("connecting without a user: %v, want an authorization error", err)
	}
}

func TestMaxPayloadCarriesMakesLargestBody(t *testing.T) {
	s := start(t, embedded.Config{MaxPayload: 6 << 20})
	_, js := connect(t, s.URL())
	ctx := deadline(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "payments.success", bytes.Repeat([]byte("x"), 5<<20)); err != nil {
		t.Error(err)
	}
}

func TestURLOfAServerOnEveryInterfaceCanBeDialled(t *testing.T) {
	s := start(t, embedded.Config{Host: "0.0.0.0"})
	if !strings.HasPrefix(s.URL(), "nats://127.0.0.1:") {
		t.Errorf("URL is %s", s.URL())
	}
	connect(t, s.URL())
}

func TestLinesGoToTheLogger(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		t.Run(level.String(), func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level}))
			start(t, embedded.Config{Logger: log}).Shutdown()
			for _, want := range []string{`"msg":"nats server"`, "Listening for client connections", "Server Exiting"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("log lacks %q", want)
				}
			}
			if debugs := strings.Contains(out.String(), `"level":"DEBUG"`); debugs != (level == slog.LevelDebug) {
				t.Errorf("lines of level debug: %t", debugs)
			}
		})
	}
}

func write(t *testing.T, conf string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
