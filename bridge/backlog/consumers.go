package backlog

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// list lists the consumers of the bridge, unless routes are asked for by name.
func (r *reader) list(ctx context.Context) (infos map[string]*jetstream.ConsumerInfo, err error) {
	infos = map[string]*jetstream.ConsumerInfo{}
	if len(r.Routes) > 0 {
		return infos, nil
	}
	return infos, r.asker.ask(ctx, "list the consumers of "+r.Stream, "$JS.API.CONSUMER.LIST."+r.Stream, func(ctx context.Context) error {
		lister := r.stream.ListConsumers(ctx)
		for info := range lister.Info() {
			if info.Config.Metadata["app"] == "makebridge" {
				infos[info.Name] = info
			}
		}
		return lister.Err()
	})
}

// names are the routes to tell of, in order: those that are asked for, else
// those that have a consumer or a replica.
func (r *reader) names(infos map[string]*jetstream.ConsumerInfo, replicas []Replica) []string {
	names := slices.Clone(r.Routes)
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(infos))
		for _, replica := range replicas {
			names = append(names, replica.Routes...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// routes reads the consumers that were not listed, and every route's oldest
// event.
func (r *reader) routes(ctx context.Context, names []string, infos map[string]*jetstream.ConsumerInfo) []Route {
	routes := make([]Route, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		info := infos[name]
		all.Go(func() { routes[i] = r.route(ctx, name, info) })
	}
	all.Wait()
	return routes
}

// route reads one route as far as the stream knows it.
func (r *reader) route(ctx context.Context, name string, info *jetstream.ConsumerInfo) Route {
	route := Route{Name: name}
	if info == nil {
		if info, route.Err = r.consumer(ctx, name); route.Err != nil {
			return route
		}
	}
	route.Known, route.NumPending, route.MaxAckPending = true, info.NumPending, info.Config.MaxAckPending
	route.AckPending, route.Redelivered = count(info.NumAckPending), count(info.NumRedelivered)
	if info.Paused {
		route.PausedFor = info.PauseRemaining
	}
	if route.NumPending+route.AckPending > 0 {
		route.Oldest, route.Err = r.oldest(ctx, info)
	}
	return route
}

func (r *reader) consumer(ctx context.Context, name string) (info *jetstream.ConsumerInfo, err error) {
	return info, r.asker.ask(ctx, "look up consumer "+name, "$JS.API.CONSUMER.INFO."+r.Stream+".*", func(ctx context.Context) error {
		c, err := r.stream.Consumer(ctx, name)
		if err == nil {
			info = c.CachedInfo()
		}
		return err
	})
}

// count is a number of the server's that is never below zero.
func count(n int) uint64 { return uint64(max(0, n)) }
