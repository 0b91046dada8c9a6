package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// network dials connections that can be cut without anybody's being told, as
// by a firewall that forgets them.
type network struct {
	*pipeListener
	mu    sync.Mutex
	conns []*silentConn
}

func (n *network) dial(ctx context.Context, name, address string) (net.Conn, error) {
	c, err := n.pipeListener.dial(ctx, name, address)
	if err != nil {
		return nil, err
	}
	s := &silentConn{Conn: c, cut: make(chan struct{}), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, s)
	return s, nil
}

// close ends what is left of a client that does not give up.
func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
}

// dialled returns how many connections there were.
func (n *network) dialled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// silentConn swallows what is written and lets nothing be read once it is cut.
type silentConn struct {
	net.Conn
	cut, closed chan struct{}
	once        sync.Once
}

func (c *silentConn) isCut() bool {
	select {
	case <-c.cut:
		return true
	default:
		return false
	}
}

func (c *silentConn) Write(p []byte) (int, error) {
	if c.isCut() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.isCut() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *silentConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestConnectionThatGoesSilent: over HTTP/2, where all requests share one, it
// ends no request later than its timeout, and is given up soon.
func TestConnectionThatGoesSilent(t *testing.T) {
	for _, timeout := range []time.Duration{4 * time.Second, 20 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				certificate := newCertificate(t, time.Now().Add(time.Hour))
				leaf, err := x509.ParseCertificate(certificate.Certificate[0])
				if err != nil {
					t.Fatal(err)
				}
				lines := &network{pipeListener: newPipeListener()}
				t.Cleanup(lines.close)
				server := &http.Server{
					Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						if r.ProtoMajor != 2 {
							t.Errorf("%s, want HTTP/2", r.Proto)
						}
					}),
					TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
				}
				go func() { _ = server.ServeTLS(lines, "", "") }()
				t.Cleanup(func() { _ = server.Close() })
				pool := x509.NewCertPool()
				pool.AddCert(leaf)
				c := newClient(t, Config{RootCAs: pool, MaxConns: 4})
				c.dial = lines.dial
				r := newEvent(t, "https://127.0.0.1/abcdef")
				r.MaxAttempts, r.Timeout = 1, timeout
				if a := c.Deliver(t.Context(), r, goOn); a.Class != bridge.ClassDelivered {
					t.Fatalf("answer %+v", a)
				}

				close(lines.conns[0].cut)
				silent := time.Now()
				for {
					begin := time.Now()
					a := c.Deliver(t.Context(), r, goOn)
					if took := time.Since(begin); took > timeout {
						t.Errorf("a request took %s, want at most %s", took, timeout)
					}
					if a.Class == bridge.ClassDelivered {
						break
					}
					if time.Since(silent) > 5*time.Minute {
						t.Fatal("requests go on failing")
					}
				}
				if most := pingAfter + pingTimeout + timeout; time.Since(silent) > most {
					t.Errorf("requests failed for %s, want at most %s", time.Since(silent), most)
				}
				if n := lines.dialled(); n != 2 {
					t.Errorf("%d connections, want a second one", n)
				}
			})
		})
	}
}
