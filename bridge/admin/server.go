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

// Config is what a Server serves. Addr and Ready are required.
type Config struct {
	// Addr is host:port; port 0 is any free one.
	Addr string
	// Ready is asked at each request for /readyz.
	Ready Readiness
	// Metrics, where set, answers at /metrics.
	Metrics http.Handler
	// Profiles serves net/http/pprof below /debug/pprof/.
	Profiles bool
}

// Server serves /livez, /readyz, and what else its Config asks for.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen binds the address. Serving begins with Serve.
func Listen(ctx context.Context, c Config) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on BRIDGE_HTTP_ADDR: %w; choose another address, or set it empty to do without", err)
	}
	return &Server{listener, &http.Server{Handler: handler(c), ReadHeaderTimeout: 5 * time.Second}}, nil
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

func handler(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if missing := c.Ready(); len(missing) > 0 {
			reply(w, http.StatusServiceUnavailable, health{"unready", missing})
			return
		}
		reply(w, http.StatusOK, health{Status: "ready"})
	})
	if c.Metrics != nil {
		mux.Handle("GET /metrics", c.Metrics)
	}
	if c.Profiles {
		addProfiles(mux)
	}
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
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // subjects have a >, and people read them
	_ = enc.Encode(h)        // the caller has gone, if this fails
}
