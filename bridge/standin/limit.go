package standin

import (
	"crypto/subtle"
	"net/http"
	"time"
)

// MakeMaxBody is the largest body that make.com takes, in bytes.
const MakeMaxBody = 5 << 20

// Limit allows at most Requests in any window of length Window. Requests that
// it refuses do not count.
type Limit struct {
	Requests int
	Window   time.Duration
}

// MakeLimit returns make.com's own limit: 300 requests in 10 seconds.
func MakeLimit() Limit { return Limit{Requests: 300, Window: 10 * time.Second} }

// refuse applies the limits to a request.
func (s *Server) refuse(a Arrival) (Behaviour, bool) {
	switch {
	case a.Size > s.cfg.MaxBody:
		return Status(http.StatusRequestEntityTooLarge), true
	case !s.keyFits(a.Header.Get(keyHeader)):
		return Status(http.StatusUnauthorized), true
	case !s.admit(a.Path):
		return TooManyRequests(""), true
	default:
		return Behaviour{}, false
	}
}

func (s *Server) keyFits(key string) bool {
	return s.cfg.APIKey == "" || subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.APIKey)) == 1
}

func (s *Server) admit(path string) bool {
	if s.cfg.Limit.Requests <= 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[path]
	if w == nil {
		w = &window{limit: s.cfg.Limit}
		s.windows[path] = w
	}
	return w.admit(time.Now())
}

// window slides over the requests of one path.
type window struct {
	limit    Limit
	admitted []time.Time // the last limit.Requests of them, oldest first
}

func (w *window) admit(now time.Time) bool {
	if len(w.admitted) == w.limit.Requests {
		if now.Sub(w.admitted[0]) < w.limit.Window {
			return false
		}
		w.admitted = w.admitted[1:]
	}
	w.admitted = append(w.admitted, now)
	return true
}
