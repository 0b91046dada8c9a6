package standin

import "strings"

// script is what is to happen on one path.
type script struct {
	next   []Behaviour
	decide func(Arrival) Behaviour
}

// Script appends behaviours for the next requests of a path, one each, in the
// order in which the requests arrive; for those that come at one time the order
// is open. After them Decide has the word, then the faults. The empty path is the script of all paths that have none left of
// their own; the leading slash of others may be left out.
func (s *Server) Script(path string, next ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.scriptOf(path)
	sc.next = append(sc.next, next...)
}

// Decide lets a function choose for each request of a path that Script leaves
// over, for example by the type of the event; a nil one gives the word back to
// the faults. The empty path stands for all paths that have no script of their
// own. The function is called by several requests at a time.
func (s *Server) Decide(path string, decide func(Arrival) Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scriptOf(path).decide = decide
}

// Default gives one behaviour to every request of a path that Script leaves
// over. It replaces what Decide said.
func (s *Server) Default(path string, b Behaviour) {
	s.Decide(path, func(Arrival) Behaviour { return b })
}

// scripted returns who decides about the next request of a path, nil for
// nobody.
func (s *Server) scripted(path string) func(Arrival) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range []string{path, ""} {
		sc := s.scripts[p]
		if sc == nil {
			continue
		}
		if len(sc.next) > 0 {
			b := sc.next[0]
			sc.next = sc.next[1:]
			return func(Arrival) Behaviour { return b }
		}
		if sc.decide != nil {
			return sc.decide
		}
	}
	return nil
}

// scriptOf finds or makes the script of a path. The caller holds the lock.
func (s *Server) scriptOf(path string) *script {
	path = cleanPath(path)
	if s.scripts[path] == nil {
		s.scripts[path] = &script{}
	}
	return s.scripts[path]
}

// cleanPath gives a path its leading slash; the empty path stays empty.
func cleanPath(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}
