package stream

import "github.com/makebridge/makebridge/bridge"

// spare is how many events more than the route's concurrency the handler could
// do with now, to wait and not to be posted: bridge.Pipeline.Spare. In a strict route
// there are none: all others come after the one that is there.
func (c *consumer) spare() int {
	if c.route.Ordering == bridge.OrderingStrict {
		return 0
	}
	h, ok := c.handler.(interface{ Spare() int })
	if !ok {
		return 0
	}
	n := h.Spare()
	if n > 0 {
		if _, bytes := c.hand.size(); bytes >= mostBytes {
			return 0
		}
	}
	return n
}
