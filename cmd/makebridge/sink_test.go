package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sinkRun is `makebridge sink` within the test's process.
type sinkRun struct {
	w        world
	out, err buffer
	stop     context.CancelFunc
	exit     chan int
	url      string
}

func startSink(t *testing.T, flags ...string) *sinkRun {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &sinkRun{w: world{t: t}, stop: cancel, exit: make(chan int, 1)}
	args := append([]string{"sink", "--listen", "127.0.0.1:0"}, flags...)
	go func() { s.exit <- run(ctx, args, &console{in: strings.NewReader(""), out: &s.out, err: &s.err}) }()
	t.Cleanup(func() { s.end() })
	address := regexp.MustCompile(`http://[^/]+/`)
	s.w.eventually("the sink to listen", func() bool { return address.MatchString(s.err.String()) })
	s.url = address.FindString(s.err.String())
	return s
}

func (s *sinkRun) end() int {
	s.stop()
	status := <-s.exit
	s.exit <- status
	return status
}

// post sends a webhook and returns the status of the answer.
func (s *sinkRun) post(path, body string, header ...string) int {
	s.w.t.Helper()
	req, err := http.NewRequestWithContext(s.w.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestSinkPrintsWhatArrives(t *testing.T) {
	s := startSink(t, "--fault", "errors=410", "--fault", "payments=500:1/2")
	for _, tt := range []struct {
		path, id string
		want     int
	}{{"payments", "e1", 200}, {"payments", "e2", 500}, {"errors", "e3", 410}} {
		if got := s.post(tt.path, `{"n":1}`, "Webhook-Id", tt.id); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.path, got, tt.want)
		}
	}
	if status := s.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	type arrival struct {
		Path    string          `json:"path"`
		EventID string          `json:"event_id"`
		Status  int             `json:"status"`
		Body    json.RawMessage `json:"body"`
	}
	var got []arrival
	for line := range strings.Lines(s.out.String()) {
		var a arrival
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got = append(got, a)
	}
	body := json.RawMessage(`{"n":1}`)
	want := []arrival{{"/payments", "e1", 200, body}, {"/payments", "e2", 500, body}, {"/errors", "e3", 410, body}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasSuffix(s.err.String(), "\n3 arrived, 1 accepted, 1 different events accepted\n") {
		t.Errorf("stderr: %s", s.err.String())
	}
}

func TestSinkKeepsItsLimitAndDemandsItsKey(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"key": "key-1\n", "secret": "whsec_c2VjcmV0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startSink(t, "--limit", "1/1h", "--api-key-file", filepath.Join(dir, "key"), "--signing-secret-file", filepath.Join(dir, "secret"))
	for i, tt := range []struct {
		key  string
		want int
	}{{"other", 401}, {"key-1", 200}, {"key-1", 429}} {
		if got := s.post("payments", "{}", "X-Make-Apikey", tt.key); got != tt.want {
			t.Errorf("request %d: %d, want %d", i, got, tt.want)
		}
	}
	s.end()
	if n := strings.Count(s.out.String(), `"signature":"`); n != 3 {
		t.Errorf("%d signatures judged, want 3: %s", n, s.out.String())
	}
	if strings.Contains(s.out.String(), "key-1") {
		t.Errorf("the API key shows: %s", s.out.String())
	}
}

func TestSinkDelaysItsAnswers(t *testing.T) {
	cfg, err := sinkFlags{listen: "127.0.0.1:0", limit: "off", delay: patience, seed: 7}.config()
	if err != nil || cfg.Delay != patience || cfg.Seed != 7 || cfg.Limit.Requests != 0 {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestSinkSaysWhenItsAddressIsTaken(t *testing.T) {
	s := startSink(t)
	address := strings.Trim(strings.TrimPrefix(s.url, "http:"), "/")
	var out, errs buffer
	status := run(t.Context(), []string{"sink", "--listen", address}, &console{in: strings.NewReader(""), out: &out, err: &errs})
	if status != exitFailed || !strings.HasSuffix(errs.String(), "; choose another address with --listen, such as 127.0.0.1:8100\n") {
		t.Errorf("exit status %d: %s", status, errs.String())
	}
}
