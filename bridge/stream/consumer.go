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
	// settleSoon settles an event whose verdict is plain, and does not wait.
	settleSoon func(it *item)
	log        *slog.Logger
	ackWait    time.Duration
	clock      func() time.Time // the server's, by which events are as old as they are
	// delay is how long an event waits for its next delivery after the n-th.
	delay func(n int) time.Duration
	// suspects are those of all routes.
	suspects *suspects
	owed     owed // verdicts

	hand     *hand
	pull     *puller
	pulse    *pulse       // since the supervisor runs
	queue    queue        // in hand, not started
	crew     *crew        // of the present run
	order    *order       // nil where the route keeps none
	slots    int          // how many events may be handled at a time
	running  atomic.Int64 // how many are, or are next
	unsure   atomic.Int64 // how many have a verdict that is not carried out yet
	pace     pace
	swept    time.Time
	heard    time.Time // when the server was last known to be heard
	asked    time.Time // when it was last asked
	answers  chan time.Time
	news     chan struct{} // something has happened that the consumer acts upon
	warned   time.Time     // of events near the end of the stream's retention
	handling sync.WaitGroup
	// unsettled is set where grace ended before something was settled.
	unsettled atomic.Bool
	origin    *origin   // of what arrives; nil: never bound
	bound     time.Time // when the JetStream consumer was created that is bound
	// retention is kept up to date by another goroutine.
	retention atomic.Pointer[retention]
}

func newConsumer(r *bridge.Route, h Handler, s *settler, log *slog.Logger) *consumer {
	c := &consumer{
		route: r, handler: h, settler: s, log: log, clock: time.Now,
		hand: newHand(), queue: &fifo{}, slots: r.Concurrency,
		answers: make(chan time.Time, 1), news: make(chan struct{}, 1),
	}
	c.settleSoon = s.soon(c.settledSoon)
	return c
}

// run pulls and handles until ctx is done, and hands back what has not
// started; or until the JetStream consumer is gone, and forgets it.
func (c *consumer) run(ctx, grace context.Context) error {
	reconnected := c.pull.nc.StatusChanged(nats.CONNECTED)
	defer c.pull.nc.RemoveStatusListener(reconnected)
	tending := newTending(c.ackWait)
	defer tending.Stop()
	c.heard = time.Now()
	c.crew = c.muster(ctx, grace)
	defer c.crew.dismiss()
	for {
		now := time.Now()
		alarm := c.conduct(ctx, now)
		c.start(now)
		if err := c.ask(now); err != nil {
			c.log.Warn("pull request not sent", "error", err)
		}
		tending.wake(c)
		err := error(nil)
		select {
		case <-ctx.Done():
			c.handBack(grace)
			return nil
		case msg := <-c.pull.msgs:
			err = c.receiveAll(msg)
		case <-c.news:
		case <-c.changed():
		case <-alarm:
		case asked := <-c.answers:
			err = c.answered(asked)
			tending.heard(c)
		case <-reconnected:
			err = c.resume()
		case now := <-tending.C:
			err = c.tend(now)
			tending.next(c, now)
		}
		if err != nil {
			c.doubt()
			c.forget()
			return err
		}
	}
}

// finish waits until everything in hand is settled, or grace is done.
func (c *consumer) finish(grace context.Context) {
	c.keepUntilSettled(grace)
	c.yield(grace)
}

func (c *consumer) keepUntilSettled(grace context.Context) {
	if c.pull == nil {
		return // never bound, so nothing was ever in hand
	}
	settled := make(chan struct{})
	go func() { c.handling.Wait(); close(settled) }()
	reconnected := c.pull.nc.StatusChanged(nats.CONNECTED)
	defer c.pull.nc.RemoveStatusListener(reconnected)
	tick := time.NewTicker(min(max(c.ackWait/6, time.Millisecond), settlePause))
	defer tick.Stop()
	for {
		select {
		case <-settled:
			return
		case now := <-tick.C:
			c.sweep(now)
			c.settler.acks.repeat(now, false)
		case <-reconnected:
			c.settler.acks.repeat(time.Now(), true)
		case <-grace.Done():
			if n := len(c.hand.all()); n > 0 {
				c.log.Warn("stopped with events in hand; they will be delivered again", "events", n)
			}
			c.settler.acks.end()
			return
		}
	}
}

// receiveAll takes what has arrived at the inbox, of which msg is the first.
func (c *consumer) receiveAll(msg *nats.Msg) error {
	for n := len(c.pull.msgs); ; n-- {
		if err := c.receive(msg); err != nil || n == 0 {
			return err
		}
		msg = <-c.pull.msgs
	}
}

// receive takes what arrived at the inbox in hand.
func (c *consumer) receive(msg *nats.Msg) error {
	event, err := c.pull.receive(msg, time.Now())
	if err != nil || !event {
		return err
	}
	if !c.serves() {
		return nil // it goes to the replica that does, when nobody has been heard of it
	}
	it, err := newItem(msg, c.route.Name, c.ackWait, c.heard, c.tenure())
	if err != nil {
		return fmt.Errorf("read the position of an event: %w", err)
	}
	it.origin = c.origin
	if c.order != nil {
		it.Since = c.order.since
	}
	c.received(it, time.Now())
	if held := c.hand.take(it); held != nil {
		if c.order != nil {
			c.order.lanes.redelivered(held)
		}
		return nil
	}
	if c.hand.knows(it) {
		// The server has forgotten the acknowledgement, or never had it.
		c.log.Info("event was accepted before, acknowledged again", "sequence", it.Sequence, "delivery", it.Delivery)
		c.unsure.Add(1)
		c.handling.Add(1)
		c.settler.acknowledge(it, c.settledSoon)
		return nil
	}
	c.queue.add(it)
	return nil
}

// start hands events to the crew while the route has room.
func (c *consumer) start(now time.Time) {
	if !c.mayStart() {
		return
	}
	for {
		// Once for both: whoever is handed out ahead has to find somebody free.
		places := c.slots + c.spare()
		c.crew.reinforce(min(int(c.running.Load()), places))
		if int(c.running.Load()) >= places+c.lead() {
			return
		}
		it := c.queue.next(now)
		if it == nil {
			return
		}
		if it.stale(now) {
			c.hand.drop(it) // the server may have handed it to another replica
			continue
		}
		c.pace.count()
		c.begin(it, places)
	}
}

// begin has an event handled, by one of as many goroutines as there are places.
func (c *consumer) begin(it *item, places int) {
	it.begin()
	c.crew.take(it, min(int(c.running.Add(1)), places))
}

// lead is how many of the events that were pulled ahead are handed to the crew
// before anybody is free: whoever is then goes on at once. A route that keeps an
// order has none, since what starts next is not known before; nor has one with a
// single slot, whose crew may be two for a while.
func (c *consumer) lead() int {
	if c.order != nil || c.slots == 1 {
		return 0
	}
	return c.slots
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
	target, coming := c.slots+c.spare()+c.pace.ahead(now), c.queue.coming()
	lack := target - int(c.running.Load()) - coming - c.pull.open
	if c.order != nil {
		return c.askInOrder(lack, target, now)
	}
	// What is older than all that waits here comes first, and must not wait in the
	// stream for a place.
	if more := c.slots - coming - c.pull.open; more > 0 && c.retention.Load().presses(c.clock()) {
		return c.pull.ask(more, now)
	}
	// While a request is open or events are ready, nobody waits: better one
	// request for many events than one for each.
	if lack <= 0 || (c.pull.open > 0 || coming > 0) && lack < (target+1)/2 {
		return nil
	}
	return c.pull.ask(lack, now)
}

// tend does what is due from time to time.
func (c *consumer) tend(now time.Time) error {
	if err := c.replaced(); err != nil {
		return err
	}
	c.sweep(now)
	c.settler.acks.repeat(now, false)
	c.crew.rest(now, int(c.running.Load()))
	c.giveUp(now)
	c.listen(now)
	c.tendOrder(now)
	c.pull.lapse(now)
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
		if err := c.receive(<-c.pull.msgs); err != nil {
			c.log.Debug("pull ended while stopping", "error", err)
		}
	}
	for _, it := range c.notStarted() {
		_ = c.settler.settle(grace, it, bridge.Verdict{Outcome: bridge.HandedBack})
		c.hand.drop(it)
	}
}

// notStarted takes out everything in hand that nobody has begun to handle. In a
// route that keeps an order that is what waits in its lanes.
func (c *consumer) notStarted() (items []*item) {
	if c.order == nil {
		items = c.crew.left()
		c.running.Add(-int64(len(items)))
	}
	return append(items, c.queue.drain()...)
}

// forget drops everything that has not started: its JetStream consumer is gone
// and will, when it is back, deliver it again.
func (c *consumer) forget() {
	c.pull.stop()
	c.dropWaiting()
}

// dropWaiting drops everything that has not started, without a word.
func (c *consumer) dropWaiting() {
	for _, it := range c.notStarted() {
		c.hand.drop(it)
	}
	if c.order != nil {
		c.order.withdraw()
	}
}
