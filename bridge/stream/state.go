package stream

import "github.com/makebridge/makebridge/bridge"

// RouteState is what a replica has of a route now.
type RouteState struct {
	Route    string
	Ordering bridge.Ordering
	// Owned reports whether this replica serves the route: of those that keep
	// an order one replica does, of others all.
	Owned bool
	// InHand is how many events were pulled and are not settled, Running how
	// many of them are being handled: requests in flight, at a gate, or between.
	InHand, Running int
	// Blocked is how many lanes of an ordered route wait for the retry, the next
	// delivery or the settlement of their head.
	Blocked int
	// Full reports whether an ordered route has as many events in hand as it
	// may: events of other keys then wait in the stream.
	Full bool
}

// Routes says what this replica has of each route, in their order. The numbers
// are of one moment each, not of one altogether. It may be called at any time.
func (s *Supervisor) Routes() []RouteState {
	states := make([]RouteState, len(s.consumers))
	for i, c := range s.consumers {
		states[i] = c.state()
	}
	return states
}

func (c *consumer) state() RouteState {
	inHand, _ := c.hand.size()
	r := RouteState{
		Route: c.route.Name, Ordering: c.route.Ordering, Owned: true,
		InHand: inHand, Running: min(int(c.running.Load()), c.slots+c.spare()),
	}
	if r.Ordering == 0 {
		r.Ordering = bridge.OrderingNone
	}
	if o := c.order; o != nil {
		r.Owned, r.Blocked, r.Full = o.owned.Load(), o.lanes.blocked(), o.full.Load()
	}
	return r
}
