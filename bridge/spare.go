package bridge

import "context"

// mostSpare bounds the memory of spare events.
const mostSpare = 1024

// Spare returns how many events more than its concurrency the route could do with, to
// wait at the gate: one for each that has failed as the probe of the destination,
// which is held. They may all be at fault themselves, and fill every place; another
// one must be there to probe. No more requests are in flight for it.
func (p *Pipeline) Spare() int {
	if !p.gate.Held(p.Destination()) {
		return 0
	}
	return int(min(p.stuck.Load(), mostSpare))
}

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
