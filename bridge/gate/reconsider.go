package gate

import (
	"context"

	"github.com/makebridge/makebridge/bridge"
)

// Reconsider has a destination that is held as misconfigured probed at once:
// its key was replaced, and that may have mended it. A hold for another reason
// is not cut short, since it is the webhook that asked for it. Whatever the
// bucket cannot be told stays as it was, and the probe comes when it is due.
func (g *Gate) Reconsider(ctx context.Context, d *bridge.Destination) {
	o := g.door(d)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hold == nil || o.hold.Reason != bridge.ClassMisconfigured.String() || g.clock.until(o.hold.Until) <= 0 {
		return
	}
	h := *o.hold
	h.Until = g.clock.now()
	o.write(ctx, &h)
}
