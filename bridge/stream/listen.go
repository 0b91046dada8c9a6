package stream

import (
	"context"
	"time"
)

// resume begins anew after the connection was lost.
func (c *consumer) resume() error {
	c.asked = time.Time{}
	now := time.Now()
	c.listen(now)
	c.settler.acks.repeat(now, true)
	return c.pull.renew()
}

// listen asks the server for a sign of life. An event that comes after the
// answer was delivered after the question; one that waited in the socket of a
// process that was frozen did not.
func (c *consumer) listen(now time.Time) {
	if now.Sub(c.asked) < c.ackWait/6 || c.heard.Before(c.asked) && now.Sub(c.asked) < ackTimeout {
		return
	}
	c.asked = now
	nc := c.pull.nc // that is another puller's once the consumer is bound again
	c.handling.Go(func() {
		ctx, cancel := context.WithTimeout(c.settler.link.context(), ackTimeout)
		defer cancel()
		if err := nc.FlushWithContext(ctx); err != nil {
			return // it is asked again
		}
		select {
		case c.answers <- now:
		default:
		}
	})
}

// answered takes what had come before the answer, and knows the server to be
// heard.
func (c *consumer) answered(asked time.Time) error {
	for n := len(c.pull.msgs); n > 0; n-- {
		if err := c.receive(<-c.pull.msgs); err != nil {
			return err
		}
	}
	c.heard = asked
	return nil
}
