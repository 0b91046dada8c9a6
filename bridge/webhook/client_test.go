package webhook

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// newServer returns a server and the count of connections made to it.
func newServer(tb testing.TB, handle http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	tb.Helper()
	conns := new(atomic.Int64)
	s := httptest.NewUnstartedServer(handle)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	tb.Cleanup(s.Close)
	return s, conns
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"/landed", "", ":%zz", "http://127.0.0.1:1/"} {
			var landed atomic.Bool
			s, _ := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/landed" {
					landed.Store(true)
					return
				}
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			})
			a := newClient(t, Config{}).Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn)
			if a.Class != bridge.ClassMisconfigured || a.Status != status || a.Attempts != 1 {
				t.Errorf("status %d to %q: %+v, want misconfigured", status, location, a)
			}
			if landed.Load() {
				t.Errorf("status %d to %q was followed", status, location)
			}
		}
	}
}

// TestOneRequestIsOneRequest: a kept connection that breaks after a request
// was read loses that request. net/http would send it again by itself.
func TestOneRequestIsOneRequest(t *testing.T) {
	var requests atomic.Int64
	s, conns := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	c := newClient(t, Config{})
	r := newEvent(t, s.URL+"/abcdef")
	r.MaxAttempts = 1
	if a := c.Deliver(t.Context(), r, goOn); a.Class != bridge.ClassDelivered {
		t.Fatalf("answer %+v, want delivered", a)
	}
	if a := c.Deliver(t.Context(), r, goOn); a.Class != bridge.ClassFailed || a.Attempts != 1 {
		t.Errorf("answer %+v, want one failure", a)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests arrived for 2 attempts", n)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections: the second request was not on a kept one", n)
	}
}

// TestConnectionIsKept through all that a destination may answer, long bodies
// and deliveries that were given up included.
func TestConnectionIsKept(t *testing.T) {
	statuses := []int{200, 500, 500, 500, 429, 400, 404, 302, 503, 503, 503, 200}
	var n atomic.Int64
	s, conns := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[int(n.Add(1)-1)%len(statuses)])
		_, _ = w.Write(bytes.Repeat([]byte("x"), keptBytes*3))
	})
	c := newClient(t, Config{})
	for range 20 {
		c.Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestIdlePoolFitsConcurrency: requests that were in flight together all find
// their connections again.
func TestIdlePoolFitsConcurrency(t *testing.T) {
	const concurrency = 12
	var arrived atomic.Int64
	gates := []chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	s, conns := newServer(t, func(http.ResponseWriter, *http.Request) {
		n := arrived.Add(1)
		gate := gates[(n-1)/concurrency]
		if n%concurrency == 0 {
			close(gate)
		}
		<-gate
	})
	c := newClient(t, Config{MaxConns: concurrency})
	for range gates {
		done := make(chan bridge.Answer)
		for range concurrency {
			go func() { done <- c.Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn) }()
		}
		for range concurrency {
			if a := <-done; a.Class != bridge.ClassDelivered {
				t.Errorf("answer %+v, want delivered", a)
			}
		}
	}
	if n := conns.Load(); n != concurrency {
		t.Errorf("%d connections for %d requests at a time", n, concurrency)
	}
}

// TestEndlessBody: no answer is read beyond what is of use.
func TestEndlessBody(t *testing.T) {
	for status, want := range map[int]bridge.Class{
		200: bridge.ClassDelivered, 302: bridge.ClassMisconfigured, 410: bridge.ClassMisconfigured,
		413: bridge.ClassRejected, 429: bridge.ClassBackpressure, 500: bridge.ClassFailed,
	} {
		s, _ := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for chunk := bytes.Repeat([]byte("x"), 1<<16); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})
		r := newEvent(t, s.URL+"/abcdef")
		r.MaxAttempts = 1
		if a := newClient(t, Config{}).Deliver(t.Context(), r, goOn); a.Class != want || len(a.Detail) > len("HTTP 413: ")+256 {
			t.Errorf("status %d: %+v, want %v", status, a, want)
		}
	}
}

// TestAnswerBeforeBodyIsRead: a server may turn a large event down early.
func TestAnswerBeforeBodyIsRead(t *testing.T) {
	s, _ := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	r := newEvent(t, s.URL+"/abcdef")
	r.Body = bytes.Repeat([]byte(" "), 5<<20)
	if a := newClient(t, Config{}).Deliver(t.Context(), r, goOn); a.Class != bridge.ClassRejected || a.Status != 413 {
		t.Errorf("answer %+v, want rejected with 413", a)
	}
}

// newRawServer answers every connection with the bytes given and leaves it
// open until the client hangs up, or closes it at once.
func newRawServer(tb testing.TB, answer string, hangUp bool) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadAtLeast(conn, make([]byte, 4096), len(eventBody)+1)
			_, _ = io.WriteString(conn, answer)
			if !hangUp {
				_, _ = io.Copy(io.Discard, conn)
			}
			_ = conn.Close()
		}
	}()
	tb.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// TestDeliveredThoughBodyBreaks: make.com had taken the event when it sent the
// header.
func TestDeliveredThoughBodyBreaks(t *testing.T) {
	address := newRawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nAcc", true)
	a := newClient(t, Config{}).Deliver(t.Context(), newEvent(t, address), goOn)
	if a.Class != bridge.ClassDelivered || a.Attempts != 1 {
		t.Errorf("answer %+v, want delivered", a)
	}
}

// TestEndlessHeader: a header has a bound, too.
func TestEndlessHeader(t *testing.T) {
	address := newRawServer(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2*maxHeaderBytes), false)
	a := newClient(t, Config{}).Deliver(t.Context(), newEvent(t, address), goOn)
	if a.Class != bridge.ClassFailed || !strings.Contains(a.Detail, "header") {
		t.Errorf("answer %+v, want a failure of the header", a)
	}
}

// TestClose: no connection stays behind.
func TestClose(t *testing.T) {
	closed := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := New(Config{})
	c.Deliver(t.Context(), newEvent(t, s.URL+"/abcdef"), goOn)
	c.Close()
	select {
	case <-closed:
	case <-time.After(idleTimeout / 2):
		t.Error("the connection is still open")
	}
}

// TestSwitchingProtocols: after 101 comes a bare connection, which no context
// ends.
func TestSwitchingProtocols(t *testing.T) {
	address := newRawServer(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false)
	r := newEvent(t, address)
	r.MaxAttempts, r.Timeout = 1, 10*time.Second
	answer := make(chan bridge.Answer, 1)
	go func() { answer <- newClient(t, Config{}).Deliver(t.Context(), r, goOn) }()
	select {
	case a := <-answer:
		if a.Class != bridge.ClassFailed || a.Status != 101 {
			t.Errorf("answer %+v, want failed with 101", a)
		}
	case <-time.After(time.Minute):
		t.Fatal("waits for a body")
	}
}

// TestDestinationsShareNothing: over HTTP/2, a webhook that reads nothing of
// what it is sent must not use up the window that another one needs.
func TestDestinationsShareNothing(t *testing.T) {
	release := make(chan struct{})
	reached := make(chan struct{}, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s, want HTTP/2", r.Proto)
		}
		if strings.HasSuffix(r.URL.Path, "/hangs") {
			reached <- struct{}{}
			<-release
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	c := newClient(t, Config{RootCAs: roots(s)})
	large := bytes.Repeat([]byte(" "), 5<<20)

	hanging := newEvent(t, s.URL+"/hangs")
	hanging.Body, hanging.MaxAttempts, hanging.Timeout = large, 1, time.Minute
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Deliver(t.Context(), hanging, goOn)
	}()
	<-reached
	other := newEvent(t, s.URL+"/works")
	other.Body, other.MaxAttempts, other.Timeout = large, 1, 20*time.Second
	if a := c.Deliver(t.Context(), other, goOn); a.Class != bridge.ClassDelivered {
		t.Errorf("answer %+v, want delivered", a)
	}
	close(release)
	<-ended
}
