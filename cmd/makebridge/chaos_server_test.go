package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// beServer, in the environment, makes the test binary a NATS server, for tests
// that kill it: its arguments are a port, the directory of its streams and, for
// one of a cluster, its configuration.
const beServer = "MAKEBRIDGE_TEST_BE_SERVER"

// chaosServer is the NATS server's name.
const chaosServer = "server"

// serveNATS is the NATS server's process. It returns the exit status. Of a
// server that is alone every write is synced, so what was acknowledged must
// survive.
func serveNATS(port, dir string, file ...string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	number, err := strconv.Atoi(port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "port:", err)
		return exitUsage
	}
	cfg := embedded.Config{
		Port: number, StoreDir: dir, SyncAlways: len(file) == 0, ConfigFile: strings.Join(file, ""),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	server, err := embedded.Start(cfg)
	for errors.Is(err, syscall.EADDRINUSE) && chaosPause(ctx, 50*time.Millisecond) { // its predecessor has just died
		server, err = embedded.Start(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	<-ctx.Done()
	server.Shutdown()
	return exitDone
}

// newChaosServer returns the NATS server, on the same port and directory in
// every life.
func newChaosServer(t *testing.T, h *chaosHarms) *chaosProcess {
	t.Helper()
	port, dir := strconv.Itoa(testbed.FreePort(t)), t.TempDir()
	address := net.JoinHostPort("127.0.0.1", port)
	p := newChaosProcess(t, h, chaosServer, func(exe, life string) *exec.Cmd {
		cmd := exec.Command(exe, port, dir)
		cmd.Env = append(os.Environ(), beServer+"=1", tellStalls+"="+life)
		return cmd
	})
	p.url = "nats://" + address
	p.ready = func(ctx context.Context) error { return dialable(ctx, address) }
	return p
}

// dialable waits until an address accepts connections.
func dialable(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if !chaosPause(ctx, 10*time.Millisecond) {
			return fmt.Errorf("wait for the NATS server: %w", err)
		}
	}
}
