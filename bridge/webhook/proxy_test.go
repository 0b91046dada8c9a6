package webhook

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/makebridge/makebridge/bridge"
)

// behind makes the client reach r's destination through the proxy. The
// environment cannot be used: net/http reads it once in a process.
func behind(t *testing.T, c *Client, r bridge.Request, proxy string) {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	c.endpoint(r.Destination).transport.Proxy = http.ProxyURL(u)
}

func TestProxyRefuses(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	c, r := newClient(t, Config{}), newEvent(t, "https://hook.test/abcdef")
	behind(t, c, r, proxy.URL)
	a := c.Deliver(t.Context(), r, goOn)
	if a.Class != bridge.ClassFailed || a.Detail != "proxy: HTTP 407" {
		t.Errorf("answer %+v, want a failure of the proxy", a)
	}
}

// TestProxyRefusesPlainHTTP: make.com has not seen the event, so nothing is wrong with
// it.
func TestProxyRefusesPlainHTTP(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	c, r := newClient(t, Config{}), newEvent(t, "http://hook.test/abcdef")
	behind(t, c, r, proxy.URL)
	if a := c.Deliver(t.Context(), r, goOn); a.Class != bridge.ClassFailed || a.Status != http.StatusProxyAuthRequired {
		t.Errorf("answer %+v, want a failure", a)
	}
}

func TestProxyIsDown(t *testing.T) {
	c, r := newClient(t, Config{}), newEvent(t, "https://hook.test/abcdef")
	behind(t, c, r, "http://user:password@127.0.0.1:1")
	a := c.Deliver(t.Context(), r, goOn)
	if a.Class != bridge.ClassFailed || a.Detail != "proxy: connection refused" {
		t.Errorf("answer %+v, want a failure of the proxy", a)
	}
}

// TestProxyAddressIsSecret: net/http quotes an address that it cannot parse,
// password and all.
func TestProxyAddressIsSecret(t *testing.T) {
	c, r := newClient(t, Config{}), newEvent(t, "https://hook.test/abcdef")
	c.endpoint(r.Destination).transport.Proxy = withoutAddress(func(*http.Request) (*url.URL, error) {
		return nil, errors.New("invalid proxy address http://user:canary@%zz")
	})
	a := c.Deliver(t.Context(), r, goOn)
	if a.Class != bridge.ClassFailed || a.Detail != "proxy: its address in the environment is not valid" {
		t.Errorf("answer %+v, want a failure that does not quote", a)
	}
}
