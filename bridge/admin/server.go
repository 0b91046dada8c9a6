// Package admin is the bridge's own HTTP listener: whether the process lives
// and whether it is ready.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Readiness says why the bridge is not ready, by part ("nats", a route's name,
// "shutdown"); it is empty when the bridge is ready.
type Readiness func() map[string]string

// Server serves /livez and /readyz.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen binds addr. Serving begins with Serve.
func Listen(ctx context.Context, addr string, ready Readiness) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on BRIDGE_HTTP_ADDR: %w; choose another address, or set it empty to do without", err)
	}
	return &Server{listener, &http.Server{Handler: handler(ready), ReadHeaderTimeout: 5 * time.Second}}, nil
}

// Addr is the address that was bound.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve answers until Close is called, which is not an error.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health: %w", err)
	}
	return nil
}

// Close stops serving at once.
func (s *Server) Close() error { return s.http.Close() }

func handler(ready Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if missing := ready(); len(missing) > 0 {
			reply(w, http.StatusServiceUnavailable, health{"unready", missing})
			return
		}
		reply(w, http.StatusOK, health{Status: "ready"})
	})
	return mux
}

// health is the body of an answer.
type health struct {
	Status  string            `json:"status"`
	Missing map[string]string `json:"missing,omitempty"`
}

func reply(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h) // the caller has gone, if this fails
}
