package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// connectTimeout bounds dialling, and the TLS handshake after it; the
	// request's own timeout may end them sooner.
	connectTimeout = 10 * time.Second
	// keepAlive is how often an idle TCP connection is probed.
	keepAlive = 15 * time.Second
	// idleTimeout is shorter than what servers and load balancers commonly
	// have: a request sent while the other side closes is lost.
	idleTimeout = 30 * time.Second
	// A HTTP/2 connection that has been silent for pingAfter is pinged, and
	// given up when pingTimeout later there is no answer; otherwise every
	// request of a destination would go on timing out on a dead connection.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
	// readBuffer is how much a connection reads at a time: answers are short.
	readBuffer = 2 << 10
	// maxHeaderBytes bounds the header of an answer.
	maxHeaderBytes = 1 << 20
)

// endpoint is where the requests to a destination go, and over which
// connections.
type endpoint struct {
	transport *http.Transport
	address   *url.URL // shared by all requests, which only read it
}

// endpoint returns the destination's own.
func (c *Client) endpoint(d *bridge.Destination) *endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := d.URL.ID()
	e, ok := c.endpoints[id]
	if !ok {
		e = &endpoint{c.newTransport(), d.URL.Reveal()}
		c.endpoints[id] = e
	}
	return e
}

func (c *Client) newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  withoutAddress(http.ProxyFromEnvironment),
		OnProxyConnectResponse: checkProxyAnswer,
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{RootCAs: c.config.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true, // which a TLSClientConfig turns off
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		ReadBufferSize:         readBuffer,
		MaxIdleConnsPerHost:    max(c.config.MaxConns, http.DefaultMaxIdleConnsPerHost),
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// withoutAddress keeps the proxy's address, which may hold a password, out of
// the error of a function that looks for it.
func withoutAddress(find func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		proxy, err := find(r)
		if err != nil {
			return nil, errors.New("proxy: its address in the environment is not valid")
		}
		return proxy, nil
	}
}

// checkProxyAnswer gives the refusal of a proxy a text that says whose it is.
func checkProxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("proxy: HTTP %d", r.StatusCode)
	}
	return nil
}
