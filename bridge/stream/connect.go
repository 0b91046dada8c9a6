package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// pingInterval and mostPings say how soon a connection counts as lost that
	// was cut off without a word: after the third ping in vain, 9 to 12 s. Until
	// then nothing tells it from one on which nothing happens.
	pingInterval = 3 * time.Second
	mostPings    = 2
	// writeTimeout is as long: while a write is stuck, nobody can use the
	// connection, nor close it.
	writeTimeout = pingInterval * (mostPings + 1)
)

// ConnectConfig is what a connection of the bridge needs.
type ConnectConfig struct {
	// Servers are tried in a random order.
	Servers []string
	// Options hold the credentials, TLS files and names.
	Options []nats.Option
	// Explain, where set, says of an error where it came from and what to change.
	Explain func(err error) error
	// Closed, where set, is called when the connection has ended for good: by
	// its Close, or because the server did not like what it was sent.
	Closed func(err error)
	Logger *slog.Logger
}

// Connect returns a connection that never gives up: a server that is not
// there, refuses, goes away or falls silent is tried again until the connection
// is closed. Only what a server calls a violation of the protocol ends it.
// It returns before there is a server; an error means that the options
// themselves cannot work.
func Connect(c ConnectConfig) (*nats.Conn, error) {
	log := c.Logger
	told := &once{}
	options := append([]nats.Option{
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(time.Second),
		nats.ReconnectJitter(500*time.Millisecond, 500*time.Millisecond),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(mostPings),
		nats.FlusherTimeout(writeTimeout),
		nats.ReconnectOnFlusherError(), // what was half written cannot be gone on with
		// Nothing is sent later than it was meant: an acknowledgement is
		// repeated, and a late nak would disturb whoever has the event by then.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(nc *nats.Conn) {
			log.Info("connected to NATS", "server", Server(nc), "version", nc.ConnectedServerVersion())
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			told.reset()
			log.Info("connected to NATS again", "server", Server(nc))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("lost NATS, waiting for it", "error", err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			if told.first(err) {
				if c.Explain != nil {
					err = c.Explain(err)
				}
				log.Warn("cannot connect to NATS yet, trying on", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if told.first(err) {
				log.Warn("NATS reports an error", "error", err)
			}
		}),
	}, c.Options...)
	if c.Closed != nil {
		options = append(options, nats.ClosedHandler(func(nc *nats.Conn) { c.Closed(nc.LastError()) }))
	}
	nc, err := nats.Connect(strings.Join(c.Servers, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// Server returns the URL of the server that a connection leads to, without what a user
// knows to get in: a token stands where a user's name does. It is empty while there is
// no connection.
func Server(nc *nats.Conn) string {
	u, err := url.Parse(nc.ConnectedUrl())
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// once tells which errors have not been seen before, by their text.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (o *once) first(err error) bool {
	if err == nil || errors.Is(err, nats.ErrConnectionClosed) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	if o.seen[err.Error()] {
		return false
	}
	o.seen[err.Error()] = true
	return true
}

func (o *once) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = nil
}
