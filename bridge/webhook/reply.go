package webhook

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
)

const (
	// keptBytes is how much of a body is read to be understood.
	keptBytes = 4 << 10
	// drainedBytes is how much more is read so that the connection can be used
	// again; it is cheaper to connect anew than to read beyond.
	drainedBytes = 64 << 10
)

// reply is what came back for one request.
type reply struct {
	// status is 0 where no answer came.
	status int
	header http.Header
	// body is the beginning of the answer's body; of one that delivers it is
	// not kept.
	body []byte
	// err is why there is no answer, or why its body broke off.
	err error
}

// readReply takes what a RoundTripper returned and is done with its body. The
// buffer is its own for as long as it takes.
func readReply(resp *http.Response, err error, buffer []byte) reply {
	if err != nil {
		return reply{err: err}
	}
	r := reply{status: resp.StatusCode, header: resp.Header}
	// After 101 the body is the bare connection, on which nothing may ever come
	// and which no context ends.
	if r.status != http.StatusSwitchingProtocols {
		if r.status < 200 || r.status > 299 {
			r.body, r.err = io.ReadAll(io.LimitReader(resp.Body, keptBytes))
		}
		if r.err == nil {
			drain(resp.Body, buffer)
		}
	}
	_ = resp.Body.Close()
	return r
}

// drain reads a body to its end, if that is not too far.
func drain(body io.Reader, buffer []byte) {
	for read := 0; read < drainedBytes; {
		n, err := body.Read(buffer)
		if err != nil {
			return
		}
		read += n
	}
}

// code is the reply as metrics name it.
func code(r reply) string {
	switch {
	case r.status != 0:
		return strconv.Itoa(r.status)
	case isTimeout(r.err):
		return "timeout"
	default:
		return "error"
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout() // a context's deadline is one, too
}
