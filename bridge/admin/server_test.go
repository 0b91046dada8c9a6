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
	s, ask := serve(t, Config{Ready: func() map[string]string { return missing }})
	expect := func(path string, status int, body string) {
		t.Helper()
		if gotStatus, gotBody := ask(path); gotStatus != status || strings.TrimSpace(gotBody) != body {
			t.Errorf("%s: %d %s, want %d %s", path, gotStatus, gotBody, status, body)
		}
	}
	expect("/livez", 200, `{"status":"ok"}`)
	expect("/readyz", 503, `{"status":"unready","missing":{"payments":"not bound yet"}}`)
	missing = map[string]string{"stream": "create it with subjects payments.> & <more>"}
	expect("/readyz", 503, `{"status":"unready","missing":{"stream":"create it with subjects payments.> & <more>"}}`)
	missing = nil
	expect("/readyz", 200, `{"status":"ready"}`)
	if status, _ := ask("/nothing"); status != 404 {
		t.Errorf("/nothing: %d", status)
	}
	if _, err := Listen(t.Context(), Config{Addr: s.Addr()}); err == nil || !strings.Contains(err.Error(), "BRIDGE_HTTP_ADDR") {
		t.Errorf("an address that is taken: %v", err)
	}
}

// serve starts a server that ends with the test, and returns what asks it.
func serve(t *testing.T, c Config) (s *Server, ask func(path string) (int, string)) {
	t.Helper()
	c.Addr = "127.0.0.1:0"
	s, err := Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s, func(path string) (int, string) {
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
}

func TestMetricsAndProfilesOnlyWhereAskedFor(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics of mine") })
	profiles := []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"}

	_, plain := serve(t, Config{})
	for _, path := range append(profiles, "/metrics") {
		if status, _ := plain(path); status != http.StatusNotFound {
			t.Errorf("%s: %d, though nobody asked for it", path, status)
		}
	}
	_, full := serve(t, Config{Metrics: metrics, Profiles: true})
	for _, path := range profiles {
		if status, body := full(path); status != http.StatusOK || body == "" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := full("/metrics"); status != http.StatusOK || body != "metrics of mine" {
		t.Errorf("/metrics: %d %s", status, body)
	}
}
