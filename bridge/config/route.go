package config

import (
	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// draft is a route while it is put together.
type draft struct {
	bridge.Route
	stem     string
	fallback string
	// credentials are where the destination's parts came from.
	credentials credentials
	// broken is set once a problem was found: the route is no base for others.
	broken bool
}

func (d *draft) variable(key string) string { return routePrefix + d.stem + "_" + key }

// hasURL reports whether the route has a URL of its own.
func (d *draft) hasURL(e environment) bool {
	return e.isSet(d.variable("URL")) || e.isSet(d.variable("URL_FILE"))
}

// loadRoutes reads every route and ties them together.
func loadRoutes(e environment, defaults routeDefaults, allowHTTP bool, found *problems) ([]bridge.Route, []OffRoute) {
	drafts := builtInDrafts()
	drafts = append(drafts, customDrafts(e, found)...)
	for _, d := range drafts {
		d.read(e, defaults, allowHTTP, found)
	}
	checkSubjects(drafts, e, found)
	shareDestinations(drafts, found)

	var (
		on  []bridge.Route
		off []OffRoute
	)
	for _, d := range drafts {
		target := d.target(drafts, e, found)
		if target.Destination == nil {
			off = append(off, OffRoute{d.Name, d.Subjects, d.variable("URL"), offReason(d, target)})
			continue
		}
		d.Destination = target.Destination
		on = append(on, d.Route)
	}
	return on, off
}

func builtInDrafts() []*draft {
	var drafts []*draft
	for _, r := range subjects.Routes() {
		drafts = append(drafts, &draft{
			Route:    bridge.Route{Name: r.Name, Subjects: r.Subjects},
			stem:     r.Env,
			fallback: r.Fallback,
		})
	}
	return drafts
}

func (d *draft) read(e environment, defaults routeDefaults, allowHTTP bool, found *problems) {
	before := len(found.list)
	s := routeSettings{
		Subjects:    d.Subjects,
		Concurrency: defaults.Concurrency,
		RateLimit:   defaults.RateLimit,
		Timeout:     defaults.Timeout,
		Ordering:    defaults.Ordering,
	}
	fill(&s, d.variable(""), e, found)
	d.Subjects, d.Concurrency, d.Timeout = s.Subjects, s.Concurrency, s.Timeout
	d.Ordering, d.Start = s.Ordering, s.Start
	if d.stem == errorsRoute {
		var own errorsSettings
		fill(&own, d.variable(""), e, found)
		d.MinSeverity = own.MinSeverity
	}
	if d.hasURL(e) {
		d.Destination = d.destination(s, allowHTTP, found)
	}
	d.broken = len(found.list) > before
}

// target returns the route whose destination d takes: its own, or that of the
// route it falls back to.
func (d *draft) target(drafts []*draft, e environment, found *problems) *draft {
	if d.fallback == "" || d.hasURL(e) {
		return d
	}
	for _, key := range destinationKeys() {
		if e.isSet(d.variable(key)) {
			found.add(d.variable(key), "is set but "+d.variable("URL")+" is not: the route takes the whole destination of "+
				d.fallback+"; set its URL too, or neither")
		}
	}
	for _, other := range drafts {
		if other.Name == d.fallback {
			return other
		}
	}
	return d
}

// destinationKeys are the settings that belong to a destination, not to a
// route.
func destinationKeys() []string {
	return []string{"API_KEY", "API_KEY_FILE", "SIGNING_SECRET", "SIGNING_SECRET_FILE", "RATE_LIMIT"}
}

func offReason(d, target *draft) string {
	if target == d {
		return d.variable("URL") + " is not set"
	}
	return "neither " + d.variable("URL") + " nor " + target.variable("URL") + " is set"
}
