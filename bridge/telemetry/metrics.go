package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/makebridge/makebridge/bridge"
)

// MetricsConfig is what Metrics are made of. Version and Routes are required;
// a metric whose function is nil is not exposed. The functions but Backlog are
// called at each scrape, by several goroutines, and must not block.
type MetricsConfig struct {
	// Version is the program's.
	Version string
	// Routes are the names of the routes that are on. What is told of another
	// route is not counted.
	Routes []string
	// Now is the time by the clock that stamps events, the NATS server's; this
	// machine's if nil.
	Now func() time.Time
	// Destination is where the events of a route go now.
	Destination func(route string) *bridge.Destination
	// Held is why the destination of a route is held, empty where it is not.
	Held func(route string) string
	// Connected reports whether the connection to NATS is up.
	Connected func() bool
	// Ordered is the state of the routes that deliver in order.
	Ordered func() []Ordered
	// ReceiptsDropped counts receipts that were not stored.
	ReceiptsDropped func() uint64
	// Backlog reads what waits in the stream, by the network; Run calls it.
	Backlog func(ctx context.Context) ([]Backlog, error)
	// Logger, where set, is told when Backlog fails.
	Logger *slog.Logger
}

// Metrics counts what the bridge does, for Prometheus, in a registry of its
// own. Its methods are safe for concurrent use and do not block.
type Metrics struct {
	registry *prometheus.Registry
	now      func() time.Time
	routes   map[string]*routeMetrics
	backlog  *backlogReader
}

// NewMetrics returns metrics in which nothing has happened yet. Every series
// whose labels are known is there from the start, so that a rate sees the
// first event of its kind.
func NewMetrics(c MetricsConfig) *Metrics {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{registry: prometheus.NewRegistry(), now: c.Now, routes: map[string]*routeMetrics{}}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "makebridge_build_info", Help: "Always 1; the version is a label.",
			ConstLabels: prometheus.Labels{"version": c.Version},
		}, func() float64 { return 1 }),
		&stateCollector{c},
	)
	counted := newCounted(m.registry)
	for _, route := range c.Routes {
		m.routes[route] = counted.route(route)
	}
	if c.Backlog != nil {
		m.backlog = newBacklogReader(c.Backlog, c.Logger)
		m.registry.MustRegister(m.backlog)
	}
	return m
}

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Run reads the backlog from time to time until ctx is done. Without
// MetricsConfig.Backlog it returns at once.
func (m *Metrics) Run(ctx context.Context) {
	if m.backlog != nil {
		m.backlog.run(ctx)
	}
}

// Settled counts an event by what became of it. One that was handed back will
// be handled again and is not counted.
func (m *Metrics) Settled(route string, _ bridge.Message, v bridge.Verdict) {
	r, ok := m.routes[route]
	if !ok {
		return
	}
	if c, ok := r.outcomes[v.Outcome]; ok {
		c.Inc()
	}
	if c, ok := r.reasons[v.Reason]; ok && v.Outcome == bridge.DeadLettered {
		c.Inc()
	}
}

// Sending counts a request that is about to be sent. A call of Answered has to
// follow.
func (m *Metrics) Sending(q bridge.Request) {
	if r, ok := m.routes[q.Route]; ok {
		r.inFlight.Inc()
	}
}

// Answered counts a request that has ended: its code is the status, or timeout
// or error where none came. A 2xx is the moment to which an event's latency is
// measured.
func (m *Metrics) Answered(q bridge.Request, code string, a bridge.Answer, took time.Duration) {
	r, ok := m.routes[q.Route]
	if !ok {
		return
	}
	r.inFlight.Dec()
	r.requests.with(code).Inc()
	r.duration.Observe(took.Seconds())
	if a.Class == bridge.ClassDelivered && !q.Published.IsZero() {
		r.latency.Observe(max(0, m.now().Sub(q.Published)).Seconds())
	}
}

// Paced returns what is told of each wait of a route for its destination's
// pace.
func (m *Metrics) Paced(route string) func(time.Duration) {
	r, ok := m.routes[route]
	if !ok {
		return func(time.Duration) {}
	}
	return func(waited time.Duration) { r.paced.Add(waited.Seconds()) }
}
