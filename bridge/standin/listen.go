package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// closeGrace is how long Close lets answers under way get out.
const closeGrace = time.Second

// serving is the stand-in's own listener and the goroutine that serves it.
type serving struct {
	http *http.Server
	addr net.Addr
	done chan error // what Serve returned
}

// Listen serves the stand-in on an address such as "127.0.0.1:8081", port 0
// for any free one, until Close. It returns once requests can come. A Server
// listens once.
func (s *Server) Listen(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.serving != nil {
		return fmt.Errorf("listen on %s: the stand-in has listened already, or is closed", addr)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("serve the make.com stand-in: %w", err)
	}
	v := &serving{addr: l.Addr(), done: make(chan error, 1), http: &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		// What net/http would print is the doing of faults or of clients.
		ErrorLog: log.New(io.Discard, "", 0),
	}}
	go func() { v.done <- v.http.Serve(l) }()
	s.serving = v
	return nil
}

// URL returns the address of a path, its leading slash optional, for clients
// of this machine. It is empty before Listen, and the same after Close.
func (s *Server) URL(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(s.serving.addr.String())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + cleanPath(path)
}

// Close releases every request that hangs or waits, without an answer, stops
// listening, and closes the connections once the answers under way are out, or
// after a second. What arrived can still be asked for. The error says that the
// listener had broken before; a second Close does nothing. Where something else
// serves the stand-in, Close only releases the requests.
func (s *Server) Close() error {
	s.mu.Lock()
	v, again := s.serving, s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	close(s.closing)
	if v == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if v.http.Shutdown(ctx) != nil {
		_ = v.http.Close() // clients that keep a connection open and send nothing
	}
	if err := <-v.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the make.com stand-in: %w", err)
	}
	return nil
}
