package admin

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHealth(t *testing.T) {
	missing := map[string]string{"payments": "not bound yet"}
	s, err := Listen(t.Context(), "127.0.0.1:0", func() map[string]string { return missing })
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	ask := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	expect := func(path string, status int, body string) {
		t.Helper()
		if gotStatus, gotBody := ask(path); gotStatus != status || strings.TrimSpace(gotBody) != body {
			t.Errorf("%s: %d %s, want %d %s", path, gotStatus, gotBody, status, body)
		}
	}
	expect("/livez", 200, `{"status":"ok"}`)
	expect("/readyz", 503, `{"status":"unready","missing":{"payments":"not bound yet"}}`)
	missing = nil
	expect("/readyz", 200, `{"status":"ready"}`)
	if status, _ := ask("/nothing"); status != 404 {
		t.Errorf("/nothing: %d", status)
	}
	if _, err := Listen(t.Context(), s.Addr(), nil); err == nil || !strings.Contains(err.Error(), "BRIDGE_HTTP_ADDR") {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}
