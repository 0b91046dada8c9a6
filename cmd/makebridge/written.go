package main

import (
	"io"
	"sync"
)

// written is standard output. It keeps the first error, since most of what is
// printed goes through functions whose errors nobody looks at, and takes nothing
// more after it: what follows a gap would mislead.
type written struct {
	w io.Writer

	mu  sync.Mutex
	err error
}

// Write writes, or returns the error that there was before.
func (w *written) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		n, w.err = w.w.Write(p)
	}
	return n, w.err
}

// failure is the first error, nil where everything was written.
func (w *written) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
