package stream

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/makebridge/makebridge/bridge"
)

// bindPause is the time between attempts to bind what is not bound.
const bindPause = 3 * time.Second

// gonePause is the time between the end of a consumer and the first attempt to have
// it again.
const gonePause = time.Second

// Supervisor keeps every route's consumer running: it provisions, binds, binds
// again what was lost, and stops in order.
type Supervisor struct {
	js          jetstream.JetStream
	parking     *parking
	prepare     func(context.Context) error
	provisioner *Provisioner
	settings    Settings
	log         *slog.Logger
	consumers   []*consumer
	keepers     map[*consumer]*floorKeeper
	off         []*bridge.Route
	survey      sync.Once

	mu      sync.Mutex
	unbound map[string]string // what is not ready, and why
	logged  string            // the last trouble that was logged
}

// SupervisorConfig is what a Supervisor works with. Every field but Prepare,
// Off, Delay and Now is required.
type SupervisorConfig struct {
	JetStream jetstream.JetStream
	// Prepare is waited for before a route is bound; where it fails, nothing is
	// consumed yet.
	Prepare  func(context.Context) error
	Settings Settings
	Routes   []*bridge.Route
	// Off are the routes that are off: how many events wait for them is told.
	Off []*bridge.Route
	// Acquire is for routes that keep an order; without any it may be nil.
	Acquire Acquire
	// Handler returns the handler of a route.
	Handler  func(*bridge.Route) Handler
	Observer Observer
	// Delay is how long an event that is put off waits for its next delivery after
	// the n-th, where its handler does not say so; half a minute if nil.
	Delay func(n int) time.Duration
	// Now is the time by the server's clock; this machine's if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// NewSupervisor returns a supervisor that has not started anything.
func NewSupervisor(c SupervisorConfig) *Supervisor {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Delay == nil {
		c.Delay = func(int) time.Duration { return 30 * time.Second }
	}
	s := &Supervisor{
		js: c.JetStream, prepare: c.Prepare, provisioner: newProvisioner(c.JetStream, c.Settings, c.Logger),
		settings: c.Settings, log: c.Logger, unbound: map[string]string{},
		off:     c.Off,
		keepers: map[*consumer]*floorKeeper{},
		parking: &parking{js: c.JetStream, stream: c.Settings.Stream, bucket: c.Settings.Bucket, now: c.Now, log: c.Logger},
	}
	suspects := newSuspects(s.parking.open, nuid.Next(), c.Settings.AckWait, c.Logger)
	room := &unstored{log: c.Logger}
	for _, r := range c.Routes {
		log := c.Logger.With("route", r.Name)
		keeper := newFloorKeeper(s.provisioner.floors, r.Name, c.Observer, log)
		settler := &settler{
			route: r.Name, observer: keeper, log: log, parking: s.parking, unstored: room,
			letters: &letters{js: c.JetStream, route: r.Name, events: c.Settings.Stream, dlq: c.Settings.DLQ},
		}
		one := newConsumer(r, c.Handler(r), settler, log)
		one.clock, one.delay = c.Now, c.Delay
		one.suspects = suspects
		if r.Ordering.Keeps() {
			one.keepOrder(c.Acquire)
		}
		s.consumers, s.keepers[one] = append(s.consumers, one), keeper
		s.unbound[r.Name] = "not bound yet"
	}
	return s
}

// Run consumes until ctx is done. Then it pulls nothing more, lets what is in
// flight end and be settled for at most grace, and hands the rest back at once.
// What it has to say to NATS after that takes some seconds at most, and ends
// with the connection.
func (s *Supervisor) Run(ctx context.Context, grace time.Duration) {
	settling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	link, stop := followLink(settling, s.js.Conn())
	defer stop()
	gathered := newOutbox(ackGather)
	for _, c := range s.consumers {
		c.settler.link = link
		o := gathered
		if c.order != nil { // the next event of a key waits for that of the last
			o = nil
		}
		c.settler.acks = newAcks(s.js.Conn(), o, c.settler.ack, c.log)
		if stop, err := c.settler.acks.listen(); err != nil {
			c.log.Warn("acknowledgements are not confirmed", "error", err)
		} else {
			defer stop() //nolint:errcheck // the connection may be gone
		}
		c.pulse = newPulse(s.js.Conn(), c.hand)
		if stop, err := c.pulse.listen(); err != nil {
			c.log.Warn("events in hand are not kept", "error", err)
		} else {
			defer stop() //nolint:errcheck // the connection may be gone
		}
	}

	gone := make(chan *consumer, len(s.consumers))
	var running sync.WaitGroup
	running.Go(func() { s.keepSideStreams(ctx) })
	unbound := s.consumers
	retry := time.NewTicker(bindPause)
	defer retry.Stop()
	connected := s.js.Conn().StatusChanged(nats.CONNECTED)
	defer s.js.Conn().RemoveStatusListener(connected)
	for ctx.Err() == nil {
		if len(unbound) > 0 {
			unbound = s.bind(ctx, unbound, func(c *consumer) {
				if c.order != nil {
					c.order.claim.start(ctx, c.ackWait/lifeShare)
				}
				running.Go(func() {
					bound, unbind := context.WithCancel(ctx)
					running.Go(func() { s.followRetention(bound, c) })
					running.Go(func() { s.keepers[c].run(bound) })
					err := c.run(ctx, settling)
					unbind()
					if err != nil {
						s.lost(c, err)
						gone <- c
						return
					}
					c.finish(settling)
				})
			})
		}
		select {
		case <-ctx.Done():
		case c := <-gone:
			unbound = append(append(unbound, c), alsoGone(ctx, gone)...)
		case <-connected:
		case <-retry.C:
		}
	}
	running.Wait()
	for len(gone) > 0 {
		unbound = append(unbound, <-gone)
	}
	for _, c := range unbound { // the others have finished
		running.Go(func() { c.finish(settling) })
	}
	running.Wait()
	if !s.js.Conn().IsConnected() {
		return
	}
	s.noteFloors(context.WithoutCancel(ctx))
	if err := s.js.Conn().FlushTimeout(ackTimeout); err != nil {
		s.log.Warn("last acknowledgements may not have reached the server", "error", err)
	}
}

// alsoGone waits a moment after a consumer is gone, and returns those that are gone
// as well: with their stream all are. A server that says so may still be deleting
// the stream, and takes a new one of the same name for the old (seen with
// nats-server 2.15.2: it held messages of the old, and answered no publish).
func alsoGone(ctx context.Context, gone <-chan *consumer) (others []*consumer) {
	select {
	case <-ctx.Done():
	case <-time.After(gonePause):
	}
	for len(gone) > 0 {
		others = append(others, <-gone)
	}
	return others
}

// noteFloors notes how far the consumers have got as the bridge leaves them.
func (s *Supervisor) noteFloors(ctx context.Context) {
	var all sync.WaitGroup
	for _, k := range s.keepers {
		all.Go(func() { k.note(ctx) })
	}
	all.Wait()
}

// BringBack has the events of a route that wait for their redelivery delivered
// at once: their destination works again.
func (s *Supervisor) BringBack(ctx context.Context, route string) {
	n, err := s.parking.bringBack(ctx, route)
	if err != nil {
		s.log.Warn("not all events were brought back; they come when their delay is over", "route", route, "error", err)
	}
	if n > 0 {
		s.log.Info("events brought back", "route", route, "events", n)
	}
}

// Unready says what is not ready to consume and why, by route; it is empty
// when everything is.
func (s *Supervisor) Unready() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := make(map[string]string, len(s.unbound))
	for k, v := range s.unbound {
		m[k] = v
	}
	return m
}

// lost notes that a consumer stopped by itself.
func (s *Supervisor) lost(c *consumer, err error) {
	s.setUnbound(c.route.Name, err)
	c.log.Warn("consumer lost, binding again", "error", err)
}

func (s *Supervisor) setUnbound(route string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.unbound, route)
		return
	}
	s.unbound[route] = err.Error()
}

// trouble logs what keeps routes from being bound, once until it changes.
func (s *Supervisor) trouble(ctx context.Context, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	changed := text != s.logged
	s.logged = text
	s.mu.Unlock()
	switch {
	case !changed || ctx.Err() != nil:
	case err != nil:
		s.log.Error("cannot consume yet, looking again every few seconds", "error", err)
	default:
		s.log.Info("everything is bound")
	}
}
