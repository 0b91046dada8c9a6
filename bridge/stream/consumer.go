package stream

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

// Handler decides what becomes of a message. It returns soon after ctx is
// done. bridge.Pipeline is one.
type Handler interface {
	Handle(ctx context.Context, m bridge.Message) bridge.Verdict
}

// Observer is told of every message that has been settled, by the goroutine
// that settled it; it must not block.
type Observer interface {
	Settled(route string, m bridge.Message, v bridge.Verdict)
}

// consumer pulls a route's events, has them handled, as many at a time as the
// route allows, and settles them. One goroutine runs it and owns what has no
// lock. What is in hand outlives the JetStream consumer, should that be
// deleted and come back.
type consumer struct {
	route   *bridge.Route
	handler Handler
	settler *settler
	log     *slog.Logger
	ackWait time.Duration
	// suspects are those of all routes.
	suspects *suspects

	hand     *hand
	pull     *puller
	pulse    *pulse  // since the supervisor runs
	ready    []*item // in hand, not started
	running  int
	freed    chan struct{}
	pace     pace
	swept    time.Time
	heard    time.Time // when the server was last known to be heard
	asked    time.Time // when it was last asked
	answers  chan time.Time
	settled  chan struct{} // something was settled that others wait for
	warned   time.Time     // of events near the end of the stream's retention
	handling sync.WaitGroup
	// retention is kept up to date by another goroutine.
	retention atomic.Pointer[retention]
}

func newConsumer(r *bridge.Route, h Handler, s *settler, log *slog.Logger) *consumer {
	return &consumer{
		route: r, handler: h, settler: s, log: log,
		hand: newHand(), answers: make(chan time.Time, 1), settled: make(chan struct{}, 1), freed: make(chan struct{}, r.Concurrency+1),
	}
}

// run pulls and handles until ctx is done, and hands back what has not
// started; or until the JetStream consumer is gone, and forgets it.
func (c *consumer) run(ctx, grace context.Context) error {
	reconnected := c.pull.nc.StatusChanged(nats.CONNECTED)
	defer c.pull.nc.RemoveStatusListener(reconnected)
	tick := time.NewTicker(min(c.ackWait/6, time.Second))
	defer tick.Stop()
	c.heard = time.Now()
	for {
		now := time.Now()
		c.start(ctx, grace, now)
		if err := c.ask(now); err != nil {
			c.log.Warn("pull request not sent", "error", err)
		}
		err := error(nil)
		select {
		case <-ctx.Done():
			c.handBack(grace)
			return nil
		case msg := <-c.pull.msgs:
			err = c.receive(grace, msg)
		case <-c.freed:
			c.running--
		case <-c.settled:
		case asked := <-c.answers:
			err = c.answered(grace, asked)
		case <-reconnected:
			err = c.resume()
		case now := <-tick.C:
			err = c.tend(now)
		}
		if err != nil {
			c.forget()
			return err
		}
	}
}

// finish waits until everything in hand is settled, or grace is done.
func (c *consumer) finish(grace context.Context) {
	if c.pull == nil {
		return // never bound, so nothing was ever in hand
	}
	settled := make(chan struct{})
	go func() { c.handling.Wait(); close(settled) }()
	tick := time.NewTicker(max(c.ackWait/6, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-settled:
			return
		case now := <-tick.C:
			c.sweep(now)
		case <-grace.Done():
			if n := len(c.hand.all()); n > 0 {
				c.log.Warn("stopped with events in hand; they will be delivered again", "events", n)
			}
			return
		}
	}
}

// receive takes what arrived at the inbox in hand.
func (c *consumer) receive(grace context.Context, msg *nats.Msg) error {
	event, err := c.pull.receive(msg, time.Now())
	if err != nil || !event {
		return err
	}
	it, err := newItem(msg, c.route.Name, c.ackWait, c.heard)
	if err != nil {
		return fmt.Errorf("read the position of an event: %w", err)
	}
	if !c.hand.take(it) {
		return nil
	}
	if c.hand.knows(it) {
		// The server has forgotten the acknowledgement, or never had it.
		c.log.Info("event was accepted before, acknowledged again", "sequence", it.Sequence, "delivery", it.Delivery)
		c.handling.Go(func() { c.settler.acknowledge(grace, it); c.hand.drop(it) })
		return nil
	}
	c.ready = append(c.ready, it)
	return nil
}

// start hands events to the handler while the route has room.
func (c *consumer) start(ctx, grace context.Context, now time.Time) {
	for len(c.ready) > 0 && c.running < c.route.Concurrency+c.spare() {
		it := c.ready[0]
		c.ready = c.ready[1:]
		if it.stale(now) {
			c.hand.drop(it) // the server may have handed it to another replica
			continue
		}
		c.running++
		c.pace.count()
		c.handling.Go(func() { c.handle(ctx, grace, it) })
	}
}

// ask pulls as many events as can start now or very soon. Others are left to
// other replicas.
func (c *consumer) ask(now time.Time) error {
	// What comes before the server has been heard again would count as old.
	if now.Before(c.pull.notUntil) || !c.pull.nc.IsConnected() || now.Sub(c.heard) > c.ackWait/2 {
		return nil
	}
	if c.ackRoom() <= 0 {
		return nil
	}
	target := c.route.Concurrency + c.spare() + c.pace.ahead(now)
	lack := target - c.running - len(c.ready) - c.pull.open
	// While a request is open or events are ready, nobody waits: better one
	// request for many events than one for each.
	if lack <= 0 || (c.pull.open > 0 || len(c.ready) > 0) && lack < (target+1)/2 {
		return nil
	}
	return c.pull.ask(lack, now)
}

// tend does what is due from time to time.
func (c *consumer) tend(now time.Time) error {
	c.sweep(now)
	c.giveUp(now)
	c.listen(now)
	if !c.pull.silent(now) {
		return nil
	}
	c.log.Warn("no sign of the consumer, asking anew", "silence_ms", now.Sub(c.pull.heard).Milliseconds())
	return c.pull.renew()
}

// sweep keeps everything in hand alive, settled or not.
func (c *consumer) sweep(now time.Time) {
	if now.Sub(c.swept) < c.ackWait/6 || !c.pull.nc.IsConnected() {
		return
	}
	c.swept = now
	for _, it := range c.hand.all() {
		if err := it.keepAlive(now, c.pulse); err != nil {
			c.log.Warn("event not kept alive", "error", err, "sequence", it.Sequence)
		}
	}
}

// handBack returns everything that was pulled and not started, so that another
// replica has it at once.
func (c *consumer) handBack(grace context.Context) {
	select {
	case <-c.pull.stop():
	case <-grace.Done():
	}
	for len(c.pull.msgs) > 0 {
		if err := c.receive(grace, <-c.pull.msgs); err != nil {
			c.log.Debug("pull ended while stopping", "error", err)
		}
	}
	for _, it := range c.ready {
		c.settler.settle(grace, it, bridge.Verdict{Outcome: bridge.HandedBack})
		c.hand.drop(it)
	}
	c.ready = nil
}

// forget drops everything that has not started: its JetStream consumer is gone
// and will, when it is back, deliver it again.
func (c *consumer) forget() {
	c.pull.stop()
	for _, it := range c.ready {
		c.hand.drop(it)
	}
	c.ready = nil
}
