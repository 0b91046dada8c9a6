package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
)

const (
	// healthTimeout bounds the whole question.
	healthTimeout = 3 * time.Second
	// mostHealth bounds how much of the answer is read and repeated.
	mostHealth = 4 << 10
)

func newHealthy(c *console) *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "healthy",
		Short: "Ask the bridge on this machine whether it is well",
		Long: `Ask the bridge that runs on this machine, at the port of BRIDGE_HTTP_ADDR,
whether it lives, or with --ready whether it is connected and takes events. It
is the health check of a container that has no shell and no curl. The exit
status is 0 if the answer is yes and 1 if it is no or does not come.

A bridge that has lost NATS lives and is not ready: to start it again would not
help, so it is /livez that decides about that.`,
		Example: `  makebridge healthy
  makebridge healthy --ready`,
		Args: usageArgs(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			environ, err := config.Environ(".", c.environ)
			if err != nil {
				return err
			}
			addr, err := config.HTTPAddr(environ)
			if err != nil {
				return err
			}
			path := "/livez"
			if ready {
				path = "/readyz"
			}
			return askHealth(cmd.Context(), addr, path)
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it takes events, not only whether it lives")
	return cmd
}

// askHealth returns nil if the bridge at addr answers 200, else what it says.
func askHealth(ctx context.Context, addr, path string) error {
	host, err := reachable(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	where := url.URL{Scheme: "http", Host: host, Path: path}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no bridge answers at BRIDGE_HTTP_ADDR: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostHealth))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return fmt.Errorf("%s answers %d: %s", path, resp.StatusCode, strings.TrimSpace(string(body)))
}

// reachable is the address to ask for what listens at addr: loopback, where
// that is every interface.
func reachable(addr string) (string, error) {
	if addr == "" {
		return "", errors.New("BRIDGE_HTTP_ADDR is off: there is nobody to ask; set it, or do without this check")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("BRIDGE_HTTP_ADDR: %w", err)
	}
	if port == "0" {
		return "", errors.New("BRIDGE_HTTP_ADDR has port 0, whichever is free: give it a number to be asked at")
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
