package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/makebridge/makebridge/bridge"
)

// counted are the metrics that the bridge counts as things happen, all routes
// of each.
type counted struct {
	events, letters, requests, paced *prometheus.CounterVec
	duration, latency                *prometheus.HistogramVec
	inFlight                         *prometheus.GaugeVec
}

// requestBuckets suit a webhook that answers within 20 ms to 20 s, and show one
// that goes beyond; the default timeout is 20 s.
func requestBuckets() []float64 {
	return []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 30, 60}
}

// latencyBuckets reach from an event that is delivered at once to one that
// waited out every redelivery delay.
func latencyBuckets() []float64 {
	return []float64{.02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
}

func newCounted(registry *prometheus.Registry) *counted {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"route"})
	}
	c := &counted{
		events: counter("makebridge_events_total",
			"Events settled, by outcome: delivered, filtered, retried (put off to a redelivery) or dead_lettered.", "route", "outcome"),
		letters: counter("makebridge_dead_letters_total", "Events dead-lettered, by reason.", "route", "reason"),
		requests: counter("makebridge_http_requests_total",
			"Requests to webhooks, by the answer's status, or timeout or error where none came.", "route", "code"),
		paced: counter("makebridge_rate_limit_wait_seconds_total",
			"Time that requests waited for the rate limit, added up over requests.", "route"),
		duration: histogram("makebridge_http_request_duration_seconds",
			"Duration of requests to webhooks, to the end of the answer.", requestBuckets()),
		latency: histogram("makebridge_delivery_latency_seconds",
			"Time from an event's publication to the webhook's 2xx.", latencyBuckets()),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "makebridge_in_flight", Help: "Requests of this replica that are in flight.",
		}, []string{"route"}),
	}
	registry.MustRegister(c.events, c.letters, c.requests, c.paced, c.duration, c.latency, c.inFlight)
	return c
}

// routeMetrics are the series of one route, looked up once: an event costs no
// search for them.
type routeMetrics struct {
	outcomes          map[bridge.Outcome]prometheus.Counter
	reasons           map[bridge.Reason]prometheus.Counter
	requests          answers
	paced             prometheus.Counter
	duration, latency prometheus.Observer
	inFlight          prometheus.Gauge
}

// route makes the series of a route.
func (c *counted) route(name string) *routeMetrics {
	r := &routeMetrics{
		outcomes: map[bridge.Outcome]prometheus.Counter{},
		reasons:  map[bridge.Reason]prometheus.Counter{},
		requests: answers{known: map[string]prometheus.Counter{}, add: func(code string) prometheus.Counter {
			return c.requests.WithLabelValues(name, code)
		}},
		paced:    c.paced.WithLabelValues(name),
		duration: c.duration.WithLabelValues(name),
		latency:  c.latency.WithLabelValues(name),
		inFlight: c.inFlight.WithLabelValues(name),
	}
	for _, o := range []bridge.Outcome{bridge.Delivered, bridge.Filtered, bridge.Retried, bridge.DeadLettered} {
		r.outcomes[o] = c.events.WithLabelValues(name, o.String())
	}
	for _, reason := range []bridge.Reason{bridge.Invalid, bridge.Rejected, bridge.Exhausted, bridge.Expired, bridge.Crashed} {
		r.reasons[reason] = c.letters.WithLabelValues(name, reason.String())
	}
	for _, code := range []string{"200", "timeout", "error"} {
		r.requests.with(code)
	}
	return r
}

// answers are the counters of a route's answers. Which there are is learned as
// they come.
type answers struct {
	add func(code string) prometheus.Counter

	mu    sync.RWMutex
	known map[string]prometheus.Counter
}

func (c *answers) with(code string) prometheus.Counter {
	c.mu.RLock()
	counter, ok := c.known[code]
	c.mu.RUnlock()
	if ok {
		return counter
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	counter = c.add(code)
	c.known[code] = counter
	return counter
}
