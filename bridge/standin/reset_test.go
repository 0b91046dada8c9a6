package standin_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

// A client of net/http reports a closed and a reset connection in much the same
// way; the bare socket tells them apart.
func TestResetOnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		do       standin.Behaviour
		outcome  standin.Outcome
		accepted bool
	}{
		"reset":        {standin.Reset(), standin.OutcomeReset, false},
		"accept-reset": {standin.AcceptThenReset(), standin.OutcomeAcceptedReset, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, standin.Config{})
			s.Script("payments", c.do)
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(""), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, err = fmt.Fprintf(conn, "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read %q, %v; want nothing and a reset", got, err)
			}
			a := only(t, s.Arrivals())
			if a.Outcome != c.outcome || a.Accepted() != c.accepted || a.Status != 0 {
				t.Errorf("recorded %s %d, accepted %t", a.Outcome, a.Status, a.Accepted())
			}
			if string(a.Body) != "{}" {
				t.Errorf("body recorded is %q", a.Body)
			}
		})
	}
}

func TestResetUnderTLS(t *testing.T) {
	s := standin.New(standin.Config{})
	s.Default("payments", standin.Reset())
	ts := httptest.NewTLSServer(s)
	t.Cleanup(ts.Close)
	t.Cleanup(func() { _ = s.Close() })
	_, err := send(ts.Client(), newRequest(deadline(t), t, ts.URL+"/payments", "{}"))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("client got %v, want a reset connection", err)
	}
}

func TestResetOfAnHTTP2Stream(t *testing.T) {
	s := standin.New(standin.Config{})
	s.Script("payments", standin.AcceptThenReset())
	ts := httptest.NewUnstartedServer(s)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	t.Cleanup(ts.Close)
	t.Cleanup(func() { _ = s.Close() })
	if a, err := send(ts.Client(), newRequest(deadline(t), t, ts.URL+"/payments", "{}")); err == nil {
		t.Errorf("answered %d, want an error", a.Status)
	}
	if a := only(t, s.Arrivals()); !a.Accepted() {
		t.Errorf("recorded %s", a.Outcome)
	}
	if a, err := send(ts.Client(), newRequest(deadline(t), t, ts.URL+"/payments", "{}")); err != nil || a.Status != http.StatusOK {
		t.Errorf("the next request: %d, %v", a.Status, err)
	}
}
