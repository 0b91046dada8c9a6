package standin

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// receive reads a request and reports whether it came whole: a client may go
// away while it sends.
func (s *Server) receive(r *http.Request) (a Arrival, whole bool) {
	a = newArrival(time.Now(), r)
	var body bytes.Buffer
	kept, err := io.Copy(&body, io.LimitReader(r.Body, s.cfg.MaxBody))
	if err != nil {
		return a, false
	}
	// What is too large is read to its end all the same: a client that still
	// sends would see a reset connection instead of the 413.
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return a, false
	}
	a.Size = kept + rest
	if rest == 0 {
		a.Body = body.Bytes()
		a.Signature = verify(s.cfg.SigningKeys, r.Header, a.Body)
	}
	return a, true
}
