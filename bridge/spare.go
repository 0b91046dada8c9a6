package bridge

import "context"

// Spare reports whether the route could do with one event more than its
// concurrency, to wait at the gate. With a concurrency of one, the event that
// is there may be the one at fault for which a held destination is not
// released: another one must be there to probe. No more requests are in flight
// for it.
func (p *Pipeline) Spare() bool { return p.slot != nil && p.gate.Held(p.Destination()) }

// room waits until it seems that the message may be posted.
func (p *Pipeline) room(ctx context.Context, m *Message) error {
	if p.slot != nil {
		if err := p.slot.Await(ctx); err != nil {
			return err
		}
	}
	return m.turn(ctx)
}

// take reports whether the message may be posted, until end is called.
func (p *Pipeline) take(m *Message) (end func(), ok bool) {
	alone, ok := m.begin()
	if !ok || p.slot == nil {
		return alone, ok
	}
	posted, ok := p.slot.Take()
	if !ok {
		alone()
		return nil, false
	}
	return func() { posted(); alone() }, true
}
