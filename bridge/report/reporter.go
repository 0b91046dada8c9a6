package report

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// Route is the name of the route that the reports are for.
const Route = "admin"

// Config is what a Reporter works with. Every field but Interval is required.
type Config struct {
	JetStream jetstream.JetStream
	// Bucket is the key-value bucket that the replicas share. It need not exist
	// yet.
	Bucket string
	// Now returns the time by the NATS server's clock, by which the replicas
	// agree on when a report is due.
	Now func() time.Time
	// Interval is the least time between two reports of one kind about one
	// route; a minute if zero.
	Interval time.Duration
	Logger   *slog.Logger
}

// Reporter reports to the admin route. Its methods may be called from any
// goroutine and never wait for NATS; what they are told is published by Run.
// A nil Reporter reports nothing, for a bridge whose admin route is off.
type Reporter struct {
	cfg       Config
	publisher *subjects.Publisher
	news      chan struct{} // something has come that no share has taken yet
	lastFlush time.Duration // bounds all that is done when the bridge stops

	mu    sync.Mutex
	fresh map[topic]tally // what no share has taken yet

	// The rest is Run's alone.
	bucket  jetstream.KeyValue // nil until it was opened
	shares  map[topic]share
	waiting map[topic]time.Time // when what is owed in the bucket is due
}

// New returns a Reporter that publishes once it runs.
func New(c Config) *Reporter {
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	return &Reporter{
		cfg: c, publisher: subjects.NewPublisher(c.JetStream, subjects.PublisherConfig{Timeout: natsTimeout}),
		lastFlush: lastFlush,
		fresh:     map[topic]tally{}, news: make(chan struct{}, 1), shares: map[topic]share{}, waiting: map[topic]time.Time{},
	}
}

// Settled reports a dead-lettered event; of other outcomes there is nothing to
// report. It has the form of a stream's observer.
func (r *Reporter) Settled(route string, m bridge.Message, v bridge.Verdict) {
	if v.Outcome != bridge.DeadLettered || isReport(m.Subject) {
		return
	}
	r.add(DeadLettered, route, tally{Reasons: map[string]int{v.Reason.String(): 1}, LastEventID: v.EventID})
}

// Held reports that the destination of these routes is held. It is named by its
// fingerprint; status is the answer's that led to the hold, 0 where none came.
func (r *Reporter) Held(routes []string, destination, reason string, status int) {
	for _, route := range routes {
		r.add(DestinationHeld, route, tally{Destination: destination, Reason: reason, Status: status})
	}
}

// Recovered reports that the destination of these routes, named by its
// fingerprint, works again after it was held for that long.
func (r *Reporter) Recovered(routes []string, destination string, held time.Duration) {
	for _, route := range routes {
		r.add(DestinationRecovered, route, tally{Destination: destination, HeldMS: held.Milliseconds()})
	}
}

// add counts one occurrence.
func (r *Reporter) add(subject, route string, once tally) {
	if r == nil || route == Route {
		return
	}
	once.Count, once.Since = 1, r.cfg.Now().UTC()
	t := topic{subject, route}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh[t] = r.fresh[t].plus(once)
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// take empties the memory of a topic.
func (r *Reporter) take(t topic) tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.fresh[t]
	delete(r.fresh, t)
	return all
}
