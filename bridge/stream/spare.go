package stream

// spare is how many events more than the route's concurrency the handler could
// do with now, to wait and not to be posted: bridge.Pipeline.Spare. In an ordered
// route there are none: what waits there is in no order.
func (c *consumer) spare() int {
	if c.order != nil {
		return 0
	}
	if h, ok := c.handler.(interface{ Spare() bool }); ok && h.Spare() {
		return 1
	}
	return 0
}
