package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Ordered is a route that delivers in order, which one replica at a time does.
type Ordered struct {
	Route string
	// Owner says that this replica does. Full says that it has as much in hand
	// as it may, and pulls nothing more until some of that is settled.
	Owner, Full bool
}

// stateCollector asks how things stand at each scrape.
type stateCollector struct{ c MetricsConfig }

// holdReasons are the reasons of a hold as the gate has them. What a replica of
// another version writes into the bucket counts as unknown.
func holdReasons() []string { return []string{"backpressure", "misconfigured", "failed", "unknown"} }

// Describe is of prometheus.Collector. It describes nothing, which makes the
// collector an unchecked one: what it collects depends on the configuration.
func (*stateCollector) Describe(chan<- *prometheus.Desc) {}

// Collect is of prometheus.Collector.
func (s *stateCollector) Collect(ch chan<- prometheus.Metric) {
	for _, route := range s.c.Routes {
		s.collectHold(ch, route)
		s.collectDestination(ch, route)
	}
	if s.c.Connected != nil {
		gauge(ch, "makebridge_nats_connected", "1 while this replica is connected to NATS.", truth(s.c.Connected()))
	}
	if s.c.Ordered != nil {
		for _, o := range s.c.Ordered() {
			gauge(ch, "makebridge_route_owner", "1 where this replica is the one that delivers the events of an ordered route.",
				truth(o.Owner), "route", o.Route)
			gauge(ch, "makebridge_route_full", "1 while this replica has as many events of an ordered route in hand as it may.",
				truth(o.Full), "route", o.Route)
		}
	}
	if s.c.ReceiptsDropped != nil {
		d := desc("makebridge_receipts_dropped_total", "Receipts that were not stored.")
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(s.c.ReceiptsDropped()))
	}
}

// collectHold has a series for each reason, so that one which ends goes to 0
// rather than away.
func (s *stateCollector) collectHold(ch chan<- prometheus.Metric, route string) {
	if s.c.Held == nil {
		return
	}
	held := s.c.Held(route)
	if held != "" && !slices.Contains(holdReasons(), held) {
		held = "unknown"
	}
	for _, reason := range holdReasons() {
		gauge(ch, "makebridge_destination_held", "1 while the destination of a route is held, by reason.",
			truth(held == reason), "route", route, "reason", reason)
	}
}

func (s *stateCollector) collectDestination(ch chan<- prometheus.Metric, route string) {
	if s.c.Destination == nil {
		return
	}
	d := s.c.Destination(route)
	gauge(ch, "makebridge_destination_info", "Always 1; the destination of a route as a fingerprint. Routes with the same one share its limit.",
		1, "route", route, "destination", d.URL.String())
	if !d.Limit.IsZero() {
		gauge(ch, "makebridge_rate_limit_requests_per_second",
			"Requests a second that the destination of a route may be sent, by all replicas and all routes to it.",
			float64(d.Limit.Requests)/d.Limit.Window.Seconds(), "route", route)
	}
}

// gauge sends one sample; labels are names and values in turn.
func gauge(ch chan<- prometheus.Metric, name, help string, value float64, labels ...string) {
	var names, values []string
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	ch <- prometheus.MustNewConstMetric(desc(name, help, names...), prometheus.GaugeValue, value, values...)
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
