package standin

import (
	"net/http"
	"sync"
	"time"
)

// Config says how a stand-in behaves. The zero Config accepts everything up to
// make.com's size and keeps every arrival.
type Config struct {
	// MaxBody is the largest body in bytes, a larger one is answered 413;
	// 0: MakeMaxBody.
	MaxBody int64
	// APIKey, where set, is demanded as x-make-apikey, else 401.
	APIKey string
	// Limit is the pace of each path, beyond it 429; the zero Limit is none.
	Limit Limit
	// Faults strike requests that no script decides: of those that apply to
	// the request's path, the first whose rate says so.
	Faults []Fault
	// Seed makes the chances of the faults repeatable: the same requests in
	// the same order meet the same faults.
	Seed uint64
	// Delay comes before every answer and fault that is not of the limits.
	Delay time.Duration
	// SigningKeys are decoded Standard Webhooks keys. With any, each arrival
	// says whether one of them signed it; the answer does not depend on it.
	SigningKeys [][]byte
	// Keep is how many arrivals are kept, the latest; 0: all. Counts are
	// always of all.
	Keep int
	// OnArrival, where set, is called once for each arrival as soon as its
	// outcome is known and before the answer is sent, one call after another.
	// It must not wait for the stand-in.
	OnArrival func(Arrival)
}

// Server is a make.com stand-in: an http.Handler, to be served by httptest or
// by its own Listen. It is safe for concurrent use. Close it when done, before
// an httptest.Server that serves it, or requests that hang are waited for.
type Server struct {
	cfg     Config
	journal *journal
	closing chan struct{}

	mu      sync.Mutex // guards what follows
	scripts map[string]*script
	faults  []*dice
	windows map[string]*window
	serving *serving // nil until Listen
	closed  bool
}

// New returns a stand-in that does not listen yet.
func New(cfg Config) *Server {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = MakeMaxBody
	}
	return &Server{
		cfg:     cfg,
		journal: newJournal(cfg.Keep, cfg.OnArrival),
		closing: make(chan struct{}),
		scripts: map[string]*script{},
		faults:  newDice(cfg.Faults, cfg.Seed),
		windows: map[string]*window{},
	}
}

// ServeHTTP records the request and treats it as the stand-in was told to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, whole := s.receive(r)
	x := &exchange{w: w, r: r, closing: s.closing, journal: s.journal, entry: s.journal.arrived(a)}
	defer x.leave()
	if !whole {
		x.abandon()
	}
	if refusal, refused := s.refuse(a); refused {
		refusal.do(x)
		return
	}
	After(s.cfg.Delay, s.choose(a)).do(x)
}

func (s *Server) choose(a Arrival) Behaviour {
	if decide := s.scripted(a.Path); decide != nil {
		return decide(a)
	}
	return s.fault(a.Path)
}

// Arrivals returns what arrived and is kept, the oldest first, requests that
// wait for their answer included. The headers and bodies are shared: read only.
func (s *Server) Arrivals() []Arrival { return s.journal.arrivals() }

// Counts returns the counts of all arrivals, kept or not.
func (s *Server) Counts() Counts { return s.journal.counts() }
