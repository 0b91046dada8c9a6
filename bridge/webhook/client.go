package webhook

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Config is what a Client works with. The zero Config is valid: it waits for
// nothing between requests, and logs and reports to nobody.
type Config struct {
	// Version is the program's, for the User-Agent makebridge/<Version>.
	Version string
	// BackoffMin and BackoffMax bound the wait between two requests of a
	// delivery.
	BackoffMin, BackoffMax time.Duration
	// MaxConns is how many requests are in flight to one destination at most,
	// the concurrencies of its routes added up. As many idle connections are
	// kept; it does not limit the requests.
	MaxConns int
	// RootCAs, where set, are trusted instead of the system's.
	RootCAs *x509.CertPool
	// Sending, where set, is called before every request, as Observe is after
	// it: each of its calls is followed by one of Observe.
	Sending func(bridge.Request)
	// Observe, where set, is called after every request, by the goroutine that
	// delivers and before it goes on: it must be quick and safe for concurrent
	// use.
	Observe func(Attempt)
	// Trace, where set, is called before every request with the context that
	// Deliver was given. The trace headers that it returns are sent instead of
	// the event's own; end, which is not nil, is called with what the request
	// came to.
	Trace func(ctx context.Context, r bridge.Request, number int) (parent, state string, end func(code string, a bridge.Answer))
	// Logger, where set, gets a debug line for each request that is repeated.
	Logger *slog.Logger
}

// Attempt is one request and what came of it.
type Attempt struct {
	// Request is the delivery that the request belongs to, Number its place in
	// JetStream's delivery, as X-Delivery-Attempt has it.
	Request bridge.Request
	Number  int
	// Code is the status in decimal, or "timeout" or "error" where none came.
	Code string
	// Answer is what the request alone came to; never interrupted.
	Answer bridge.Answer
	// Duration is from dialling to the end of the answer.
	Duration time.Duration
}

// Client posts events to webhooks. It is safe for concurrent use; its
// destinations share nothing that one of them could use up.
type Client struct {
	config    Config
	userAgent string
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	// deliveries are those that have ended, to be used again: what they need of
	// net/http and go-retryablehttp is made once.
	deliveries sync.Pool

	mu        sync.Mutex
	endpoints map[string]*endpoint // by WebhookURL.ID
}

// New returns a Client. It connects to nothing yet.
func New(c Config) *Client {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Sending == nil {
		c.Sending = func(bridge.Request) {}
	}
	if c.Observe == nil {
		c.Observe = func(Attempt) {}
	}
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive}
	client := &Client{config: c, userAgent: "makebridge/" + c.Version, dial: dialer.DialContext, endpoints: map[string]*endpoint{}}
	client.deliveries.New = func() any { return newDelivery(client) }
	return client
}

// Deliver posts an event until it is answered for good, with at most
// r.MaxAttempts requests, each ended by r.Timeout, and an exponential backoff
// with jitter between them. Only failures (bridge.ClassFailed) are repeated.
//
// Before every request after the first it calls again and ends the delivery
// where that returns an error. When ctx is done, the request in flight goes on
// to its own end, no backoff is waited out and nothing more is started. A
// delivery that ends so with requests left after a failure, or before its
// first request, is bridge.ClassInterrupted.
//
// r.Destination must have a URL, and r.Body must not be changed, not even
// after Deliver returned: a timed-out request may still be reading it.
func (c *Client) Deliver(ctx context.Context, r bridge.Request, again func(context.Context) error) bridge.Answer {
	if ctx.Err() != nil {
		return bridge.Answer{Class: bridge.ClassInterrupted, Detail: "stopped before the first request"}
	}
	d := c.deliveries.Get().(*delivery)
	d.ctx.Context, d.request, d.again, d.endpoint = ctx, r, again, c.endpoint(r.Destination)
	a := d.run()
	d.call = call{} // keep nothing of the event
	c.deliveries.Put(d)
	return a
}

// Keep forgets all destinations but these: the others were replaced. Deliveries
// in flight are not disturbed. Connections that are idle are closed, the rest
// when they become so; over HTTP/2, once they have been idle for half a minute.
// A destination that is delivered to after that is known again.
func (c *Client) Keep(destinations ...*bridge.Destination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, e := range c.endpoints {
		if !slices.ContainsFunc(destinations, func(d *bridge.Destination) bool { return d.URL.ID() == id }) {
			delete(c.endpoints, id)
			e.transport.CloseIdleConnections()
		}
	}
}

// Close closes the idle connections. Deliveries in flight are not disturbed,
// so call it when they have ended.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.endpoints {
		e.transport.CloseIdleConnections()
	}
}
