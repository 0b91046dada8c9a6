package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/gate"
	"github.com/makebridge/makebridge/bridge/webhook"
)

// rotation gives the routes of a running bridge new destinations when the files
// that hold them change, and knows which routes a destination has.
type rotation struct {
	client    *webhook.Client
	doors     *gate.Shared
	bringBack func(ctx context.Context, route string)
	log       *slog.Logger
	pipelines map[string]*bridge.Pipeline // by route
	// returning are those who bring events back: once the last event was
	// settled nobody joins them.
	returning sync.WaitGroup
}

// newRotation returns a rotation that is given client, doors and bringBack
// before it runs.
func newRotation(log *slog.Logger) *rotation {
	return &rotation{log: log, pipelines: map[string]*bridge.Pipeline{}}
}

// released brings back the events that wait for the redelivery to a destination
// which works again. It does not wait for that: they may be thousands, and it
// is called before the event that released the destination is acknowledged.
func (o *rotation) released(ctx context.Context, destination string) {
	for route, p := range o.pipelines {
		if p.Destination().URL.ID() == destination {
			o.returning.Go(func() { o.bringBack(ctx, route) })
		}
	}
}

// follow has the rotation see to a route's pipeline. All are to be known before
// run is called.
func (o *rotation) follow(route string, p *bridge.Pipeline) *bridge.Pipeline {
	o.pipelines[route] = p
	return p
}

// destinations are where the events of each route go now.
func (o *rotation) destinations() map[string]*bridge.Destination {
	now := make(map[string]*bridge.Destination, len(o.pipelines))
	for route, p := range o.pipelines {
		now[route] = p.Destination()
	}
	return now
}

// run rotates until stop is called or ctx is done.
func (o *rotation) run(ctx context.Context, cfg *config.Config) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); cfg.Watch(ctx, o.log, func(c *config.Config) { o.retry(ctx, o.take(c)) }) }()
	return func() { cancel(); <-done }
}

// take gives each route the destination that it has in a configuration, and
// nothing else of it. A destination that is the same as before stays the same
// pointer, and routes with one URL go on sharing one. It returns the routes
// whose destination was replaced.
func (o *rotation) take(cfg *config.Config) (replaced []string) {
	before := map[string]*bridge.Destination{} // by URL
	for _, p := range o.pipelines {
		d := p.Destination()
		before[d.URL.ID()] = d
	}
	var now []*bridge.Destination
	for _, r := range cfg.Routes {
		p, ok := o.pipelines[r.Name]
		if !ok {
			continue
		}
		old, d := p.Destination(), r.Destination
		if known := before[d.URL.ID()]; known != nil && known.Same(d) {
			d = known
		}
		now = append(now, d)
		if d != old {
			p.Redirect(d)
			replaced = append(replaced, r.Name)
			o.log.Info("destination replaced", "route", r.Name, "from", old.URL, "to", d.URL, "changed", changes(old, d))
		}
	}
	o.client.Keep(now...)
	return replaced
}

// retry has destinations that were replaced tried at once: by the events that
// wait at a hold which the new key may end, and by those that wait for a
// redelivery.
func (o *rotation) retry(ctx context.Context, routes []string) {
	if len(routes) > 0 {
		o.doors.Moved()
	}
	for _, route := range routes {
		o.doors.Reconsider(ctx, o.pipelines[route].Destination())
		o.bringBack(ctx, route)
	}
}

// changes says what differs between two destinations.
func changes(a, b *bridge.Destination) []string {
	var differ []string
	for _, c := range []struct {
		what string
		same bool
	}{
		{"url", a.URL.ID() == b.URL.ID()},
		{"api_key", a.APIKey == b.APIKey},
		{"signing_secret", slices.Equal(a.SigningKeys, b.SigningKeys)},
		{"rate_limit", a.Limit == b.Limit},
	} {
		if !c.same {
			differ = append(differ, c.what)
		}
	}
	return differ
}
