package standin_test

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestCloseReleasesWhatHangsAndWaits(t *testing.T) {
	s := serve(t, standin.Config{})
	s.Script("payments", standin.Hang())
	s.Script("errors", standin.NewGate().Then(standin.Accept()))
	s.Script("tickets", standin.After(time.Hour, standin.Accept()))
	ended := make(chan error, 3)
	for _, path := range []string{"payments", "errors", "tickets"} {
		go func() {
			_, err := post(t, s.URL(path), "{}")
			ended <- err
		}()
	}
	if err := s.WaitForCounts(deadline(t), func(c standin.Counts) bool { return c.Arrived == 3 }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-ended; err == nil {
			t.Error("answered, want a connection closed without an answer")
		}
	}
	as, err := s.Wait(deadline(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range as {
		want := standin.OutcomeAbandoned
		if a.Path == "/payments" {
			want = standin.OutcomeHung
		}
		if a.Outcome != want {
			t.Errorf("%s: %s, want %s", a.Path, a.Outcome, want)
		}
	}
	if _, err := post(t, s.URL("payments"), "{}"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Close: %v, want the connection refused", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// Its own server would cut the connections after a while; httptest's waits for
// them.
func TestCloseReleasesRequestsOfAnotherServer(t *testing.T) {
	for name, b := range map[string]standin.Behaviour{
		"hang":  standin.Hang(),
		"gate":  standin.NewGate().Then(standin.Accept()),
		"delay": standin.After(time.Hour, standin.Accept()),
	} {
		t.Run(name, func(t *testing.T) {
			s := standin.New(standin.Config{})
			s.Default("payments", b)
			ts := httptest.NewServer(s)
			t.Cleanup(ts.Close)
			r, ended := newRequest(t.Context(), t, ts.URL+"/payments", "{}"), make(chan error, 1)
			go func() {
				_, err := send(newClient(t), r)
				ended <- err
			}()
			if err := s.WaitForCounts(deadline(t), func(c standin.Counts) bool { return c.Arrived == 1 }); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if !errors.Is(err, io.EOF) {
					t.Errorf("client got %v, want the connection closed without an answer", err)
				}
			case <-deadline(t).Done():
				t.Fatal("not released")
			}
		})
	}
}

// A client may hold a connection on which it never sends.
func TestCloseDoesNotWaitForSilentConnections(t *testing.T) {
	s := serve(t, standin.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(""), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	mustPost(t, s.URL("payments"), "{}") // accepted after conn, which is served by now
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v; want the connection closed", n, err)
	}
}

func TestListenOnATakenPort(t *testing.T) {
	first := serve(t, standin.Config{})
	addr := strings.TrimPrefix(first.URL(""), "http://")
	second := standin.New(standin.Config{})
	err := second.Listen(addr)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr) {
		t.Errorf("error is %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenOnce(t *testing.T) {
	s := serve(t, standin.Config{})
	if err := s.Listen("127.0.0.1:0"); err == nil {
		t.Error("listened twice")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("127.0.0.1:0"); err == nil {
		t.Error("listened after Close")
	}
}

func TestURL(t *testing.T) {
	s := standin.New(standin.Config{})
	if got := s.URL("payments"); got != "" {
		t.Errorf("before Listen: %q", got)
	}
	if err := s.Listen("0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if got := s.URL("payments"); !strings.HasPrefix(got, "http://127.0.0.1:") || !strings.HasSuffix(got, "/payments") {
		t.Errorf("URL is %q", got)
	}
	if s.URL("/payments") != s.URL("payments") {
		t.Error("the leading slash makes a difference")
	}
	if got := mustPost(t, s.URL("payments"), "{}"); got.Status != 200 {
		t.Errorf("answered %d", got.Status)
	}
}
