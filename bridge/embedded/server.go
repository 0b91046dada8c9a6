package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// readyTimeout bounds the wait for the listeners of a server whose streams
// are already recovered.
const readyTimeout = 10 * time.Second

// Server is a running NATS server. Its methods are safe for concurrent use.
type Server struct {
	nats     *natsserver.Server
	url      string
	storeDir string
	tempDir  string // removed by Shutdown; empty where the store is the caller's
	log      *slog.Logger
	down     sync.Once
}

// Start starts a server and returns once it accepts connections and JetStream
// has recovered its streams, however long the recovery takes.
//
// Where the address cannot be listened on, the error says which one, wraps the
// system's error (syscall.EADDRINUSE for a port that is taken), and no store
// has been touched.
func Start(cfg Config) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	if err := probe(opts); err != nil {
		return nil, err
	}
	s := &Server{log: cfg.logger()}
	if opts.StoreDir == "" {
		if s.tempDir, err = os.MkdirTemp("", "makebridge-nats-"); err != nil {
			return nil, fmt.Errorf("create a directory for the streams: %w", err)
		}
		opts.StoreDir = s.tempDir
	}
	s.storeDir = opts.StoreDir
	if err := s.start(opts); err != nil {
		s.Shutdown()
		return nil, err
	}
	s.url = clientURL(s.nats.ClientURL())
	return s, nil
}

func (s *Server) start(opts *natsserver.Options) error {
	var err error
	if s.nats, err = natsserver.NewServer(opts); err != nil {
		return fmt.Errorf("configure the nats server: %w", err)
	}
	lines := &lineLogger{log: s.log}
	s.nats.SetLoggerV2(lines, lines.debugs(), false, false)
	s.nats.Start()
	if err := lines.fatal(); err != nil {
		return fmt.Errorf("start the nats server: %w", err)
	}
	if !s.nats.ReadyForConnections(readyTimeout) {
		return fmt.Errorf("start the nats server: not ready for connections after %s", readyTimeout)
	}
	return nil
}

// URL returns the address for clients of this machine, such as
// "nats://127.0.0.1:4222". It stays the same after Shutdown.
func (s *Server) URL() string { return s.url }

// StoreDir returns the directory that holds the streams.
func (s *Server) StoreDir() string { return s.storeDir }

// Shutdown stops the server and returns when it is down: connections closed,
// streams written, the port free. A temporary store is removed. Further calls
// wait for the first and do nothing.
func (s *Server) Shutdown() {
	s.down.Do(func() {
		if s.nats != nil {
			s.nats.Shutdown()
			s.nats.WaitForShutdown()
		}
		if s.tempDir == "" {
			return
		}
		if err := os.RemoveAll(s.tempDir); err != nil {
			s.log.Warn("temporary store not removed", "dir", s.tempDir, "error", err)
		}
	})
}

// probe tries the client port before the server starts. The server itself
// opens its store first and the port last, so without this a second server
// would recover the streams of the running one before it found the port taken.
func probe(opts *natsserver.Options) error {
	addr := listenAddr(opts)
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err == nil {
		return l.Close()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // op would repeat the address
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s: %w: stop the program that uses it, or choose another port with --nats-port", addr, err)
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

// clientURL makes a URL that can be dialled of one that names every interface.
func clientURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}
