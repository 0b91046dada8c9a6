package gate

import "sync/atomic"

// usage tells whether requests want through the gate. What a replica that wants
// nothing has not heard of does no harm.
type usage struct {
	some  atomic.Bool   // since it was last asked
	first chan struct{} // has one in it after the first of them
}

func newUsage() *usage { return &usage{first: make(chan struct{}, 1)} }

// note is called with every request, by any goroutine.
func (u *usage) note() {
	if u.some.Load() || u.some.Swap(true) {
		return
	}
	select {
	case u.first <- struct{}{}:
	default:
	}
}

// ask reports whether there was any since the last call.
func (u *usage) ask() bool { return u.some.Swap(false) }
