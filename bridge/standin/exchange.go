package standin

import (
	"io"
	"maps"
	"net"
	"net/http"
)

// exchange is one request while it is in the stand-in's hands: what behaviours
// act on.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	closing <-chan struct{}
	journal *journal
	entry   *entry
}

// wait returns once c delivers or is closed. If the client goes away or the
// stand-in closes before, it abandons the request and does not return.
func wait[T any](x *exchange, c <-chan T) {
	select {
	case <-c:
	case <-x.r.Context().Done():
		x.abandon()
	case <-x.closing:
		x.abandon()
	}
}

func (x *exchange) answer(status int, header http.Header, body string) {
	x.journal.settle(x.entry, OutcomeAnswered, status)
	x.leave()
	maps.Copy(x.w.Header(), header)
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body) // a client that has gone away misses it
}

func (x *exchange) hang() {
	x.journal.settle(x.entry, OutcomeHung, 0)
	select {
	case <-x.r.Context().Done():
	case <-x.closing:
	}
	x.abort()
}

func (x *exchange) reset(o Outcome) {
	x.journal.settle(x.entry, o, 0)
	x.leave()
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.abort() // HTTP/2: the stream is reset
	}
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn() // TLS would say goodbye first
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing sends RST instead of FIN
	}
	_ = conn.Close()
}

// abandon ends a request whose client is gone or whose time is over. It does
// not return.
func (x *exchange) abandon() {
	x.journal.settle(x.entry, OutcomeAbandoned, 0)
	x.abort()
}

// leave ends the request's part in the count of those in flight. It comes
// before the answer is sent, else a client's next request could overlap it.
func (x *exchange) leave() { x.journal.left(x.entry) }

// abort ends the request without an answer and does not return: a handler that
// returned would send an empty 200.
func (*exchange) abort() { panic(http.ErrAbortHandler) }
