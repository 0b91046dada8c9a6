package standin_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a stand-in on a port of its own.
func serve(t *testing.T, cfg standin.Config) *standin.Server {
	t.Helper()
	s := standin.New(cfg)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newClient makes a client that follows no redirects and repeats nothing.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport:     tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deadline bounds what should take no time at all.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// post sends one POST; with pairs of header names and values.
func post(t *testing.T, url, body string, header ...string) (answer, error) {
	t.Helper()
	return send(newClient(t), newRequest(deadline(t), t, url, body, header...))
}

func newRequest(ctx context.Context, t *testing.T, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	r.GetBody = nil
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func send(c *http.Client, r *http.Request) (answer, error) {
	res, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body)}, err
}

// mustPost sends one POST that has to be answered.
func mustPost(t *testing.T, url, body string, header ...string) answer {
	t.Helper()
	a, err := post(t, url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func only(t *testing.T, as []standin.Arrival) standin.Arrival {
	t.Helper()
	if len(as) != 1 {
		t.Fatalf("%d arrivals, want one: %+v", len(as), as)
	}
	return as[0]
}
