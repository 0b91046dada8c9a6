package admin

import (
	"net/http"
	"net/http/pprof" // which registers at the default mux too; nothing serves that
)

// addProfiles serves the profiles of net/http/pprof where `go tool pprof` looks
// for them. The POST is for symbols, which it asks for in a body.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
}
