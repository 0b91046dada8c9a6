package trace

import "sync"

// progress adds up what the parts of one search have read.
type progress struct {
	tell func(read, total uint64) // nil: nobody wants to know

	mu          sync.Mutex
	read, total uint64
}

func (r *reader) progress(total uint64) *progress {
	return &progress{tell: r.Progress, total: total}
}

// add notes that so many more have been read.
func (p *progress) add(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += n
	if p.tell != nil {
		p.tell(p.read, p.total)
	}
}

func (p *progress) sum() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read
}
