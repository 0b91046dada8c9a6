package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// echo answers with all that it was sent, wherever an answer has room for it.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told := fmt.Sprintf("http://%s%s key %s", r.Host, r.RequestURI, r.Header.Get("X-Make-Apikey"))
		w.Header().Set("Location", "http://["+told)
		w.Header().Set("Retry-After", url.QueryEscape(told))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, told+" and decoded "+r.URL.Path+" "+r.URL.Query().Get("auth")+" canary-name")
		if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity { // the body of these is kept
			_, _ = w.Write(body)
		}
	}
}

// garble answers with what is no HTTP, made of what it was sent.
func garble(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintf(conn, format, r.RequestURI+r.Header.Get("X-Make-Apikey")+string(body))
		_ = conn.Close()
	}
}

// TestNothingLeaks goes down every path on which a delivery fails, and looks
// for what nobody may see in all that comes out: answers, reports and logs.
func TestNothingLeaks(t *testing.T) {
	plain := func(h http.HandlerFunc) func(*testing.T) string {
		return func(t *testing.T) string {
			s := httptest.NewUnstartedServer(h)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.Start()
			t.Cleanup(s.Close)
			return s.URL
		}
	}
	paths := map[string]func(*testing.T) string{
		"refused":            func(*testing.T) string { return "http://127.0.0.1:1" },
		"no such host":       func(*testing.T) string { return "http://hook.invalid" },
		"reset":              plain(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"timeout":            plain(func(_ http.ResponseWriter, r *http.Request) { hang(r) }),
		"garbled status":     plain(garble("HTTQ %s\r\n\r\n")),
		"garbled header":     plain(garble("HTTP/1.1 200 OK\r\n%s\r\n\r\n")),
		"garbled code":       plain(garble("HTTP/1.1 %s\r\n\r\n")),
		"garbled length":     plain(garble("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n")),
		"garbled encoding":   plain(garble("HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n")),
		"plain behind https": func(t *testing.T) string { return strings.Replace(plain(echo(200))(t), "http:", "https:", 1) },
		"certificate": func(t *testing.T) string {
			s := httptest.NewUnstartedServer(echo(200))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL
		},
	}
	for _, status := range []int{302, 308, 400, 401, 404, 410, 422, 429, 500, 503, 777} {
		paths[fmt.Sprint("status ", status)] = plain(echo(status))
	}
	for name, start := range paths {
		t.Run(name, func(t *testing.T) { deliverCanaries(t, start(t)) })
	}
}

func deliverCanaries(t *testing.T, address string) {
	t.Helper()
	var out bytes.Buffer
	c := newClient(t, Config{
		RootCAs: x509.NewCertPool(),
		Logger:  slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(a Attempt) { _, _ = fmt.Fprintf(&out, "%s %+v\n", a.Code, a.Answer) },
	})
	if strings.Contains(address, ".invalid") {
		c.dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "hook.invalid"}}
		}
	}
	r := newEvent(t, address+"/canary-path/coded%2Fdecoded-canary?auth=canary%20query&canary-name")
	r.Destination.APIKey = bridge.NewSecret("canary-key")
	r.Destination.SigningKeys = []bridge.Secret{bridge.NewSecret("canary-signing")}
	r.Body = []byte(`{"payload":"canary-body"}`)
	r.Timeout, r.MaxAttempts = 500*time.Millisecond, 2
	a := c.Deliver(t.Context(), r, func(context.Context) error { return errors.New("canary-gate") })
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if a.Class == bridge.ClassDelivered || a.Detail == "" {
		t.Errorf("answer %+v, want a failure that says why", a)
	}
	if strings.Contains(out.String(), "canary") {
		t.Errorf("what came out holds a canary:\n%s", out.String())
	}
}
