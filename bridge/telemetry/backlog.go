package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// backlogEvery is how often the backlog is read, and how long one reading
	// may take. Scrapes read nothing: they would make the load of the server
	// depend on who scrapes.
	backlogEvery = 10 * time.Second
	// backlogRest is how long after a scrape nothing is read any more, and
	// backlogAwait how long the scrape that ends such a rest waits for what is
	// read then.
	backlogRest  = time.Minute
	backlogAwait = 2 * time.Second
	// backlogSoon is how often it is tried until the first reading: a bridge
	// that starts may have to create the stream first.
	backlogSoon = time.Second
	// backlogLife is how long a reading is shown. Two that fail in a row do not
	// interrupt a graph; numbers that are older would be mistaken for the truth.
	backlogLife = 3 * backlogEvery
)

// Backlog is what waits in the stream for one route, the same whichever
// replica reads it.
type Backlog struct {
	Route string
	// Pending events are deliverable now, those in hand included; Parked ones
	// are behind a hold or a redelivery delay.
	Pending, Parked uint64
	// AckPending is how many events the server has handed out that are not
	// settled; it stops at MaxAckPending, and with it the route. A MaxAckPending
	// of 0 or less is no bound.
	AckPending    uint64
	MaxAckPending int
	// OldestAge is the age of the oldest event that is not settled; 0 where
	// there is none.
	OldestAge time.Duration
	// OldestExpires is when the stream will take that event away, negative when
	// that time is over; nil where there is none, or the stream keeps it for
	// ever.
	OldestExpires *time.Duration
}

// backlogReader reads the backlog and exposes the last reading.
type backlogReader struct {
	read func(context.Context) ([]Backlog, error)
	log  *slog.Logger

	mu      sync.Mutex
	last    []Backlog
	known   bool      // there has been a reading
	at      time.Time // of the last reading; before the first, of the start
	failed  bool      // since
	partial bool      // and only of some routes
	told    bool

	scraped time.Time
	wake    chan struct{} // closed by the scrape that ends a rest
	awake   chan struct{} // closed with the first reading after that
}

func newBacklogReader(read func(context.Context) ([]Backlog, error), log *slog.Logger) *backlogReader {
	return &backlogReader{read: read, log: log, at: time.Now()}
}

func (b *backlogReader) run(ctx context.Context) {
	for {
		next := backlogEvery
		if !b.refresh(ctx) {
			next = backlogSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		}
		b.rest(ctx)
	}
}

// rest waits for the next scrape, if there has been none for a while: an idle
// bridge that nobody looks at has nothing to read.
func (b *backlogReader) rest(ctx context.Context) {
	b.mu.Lock()
	if !b.known || time.Since(b.scraped) < backlogRest {
		b.mu.Unlock()
		return
	}
	wake := make(chan struct{})
	b.wake, b.awake = wake, make(chan struct{})
	b.mu.Unlock()
	select {
	case <-wake:
	case <-ctx.Done():
	}
}

// demand notes a scrape. One that ends a rest waits for the reading.
func (b *backlogReader) demand() {
	b.mu.Lock()
	b.scraped = time.Now()
	if b.wake != nil {
		close(b.wake)
		b.wake = nil
	}
	awake := b.awake
	b.mu.Unlock()
	if awake == nil {
		return
	}
	select {
	case <-awake:
	case <-time.After(backlogAwait):
	}
}

// refresh takes a reading, and reports whether there has been one. Rows that
// come beside an error are shown: one route that could not be read does not
// hide the others.
func (b *backlogReader) refresh(ctx context.Context) (known bool) {
	bounded, cancel := context.WithTimeout(ctx, backlogEvery)
	rows, err := b.read(bounded)
	cancel()
	if ctx.Err() != nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.awake != nil {
		close(b.awake)
		b.awake = nil
	}
	if err == nil || len(rows) > 0 {
		b.last, b.at, b.known = rows, time.Now(), true
	}
	again := b.partial // the consumer of a route that is being bound may be missing once
	b.failed, b.partial = err != nil, err != nil && len(rows) > 0
	switch missing := again && b.partial || time.Since(b.at) > backlogLife; {
	case err == nil:
		b.told = false
	case missing && !b.told:
		b.told = true
		b.log.Warn("what waits in the stream is not known, or not of all routes; metrics of it are missing", "error", err)
	}
	return b.known
}

// Describe is of prometheus.Collector, as that of stateCollector.
func (*backlogReader) Describe(chan<- *prometheus.Desc) {}

// Collect is of prometheus.Collector.
func (b *backlogReader) Collect(ch chan<- prometheus.Metric) {
	b.demand()
	b.mu.Lock()
	rows, old, up := b.last, time.Since(b.at) > backlogLife, b.known && !b.failed
	b.mu.Unlock()
	gauge(ch, "makebridge_backlog_up", "1 if what waits in the stream could be read the last time.", truth(up))
	if old {
		return
	}
	for _, r := range rows {
		r.collect(ch)
	}
}

// collect sends a route's samples, as they were read.
func (r Backlog) collect(ch chan<- prometheus.Metric) {
	show := func(name, help string, value float64) { gauge(ch, name, help, value, "route", r.Route) }
	show("makebridge_pending", "Events that are deliverable now, in hand included; the same on every replica.", float64(r.Pending))
	show("makebridge_parked", "Events behind a hold or a redelivery delay; the same on every replica.", float64(r.Parked))
	show("makebridge_ack_pending", "Events that the server has handed out and that are not settled.", float64(r.AckPending))
	if r.MaxAckPending > 0 {
		show("makebridge_max_ack_pending", "How many events the server hands out before it waits for some to be settled.", float64(r.MaxAckPending))
	}
	show("makebridge_oldest_pending_age_seconds", "Age of the oldest event that is not settled, 0 where there is none; the same on every replica.",
		r.OldestAge.Seconds())
	if r.OldestExpires != nil {
		show("makebridge_oldest_expires_in_seconds", "Time until the stream takes the oldest event that is not settled away.",
			r.OldestExpires.Seconds())
	}
}
