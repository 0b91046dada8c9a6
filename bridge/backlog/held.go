package backlog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Held returns the holds of those destinations, named by their ids, that are
// held now, by id. That there is no bucket yet means that nothing is held. An
// error comes with the holds that could be read.
func Held(ctx context.Context, js jetstream.JetStream, bucket string, ids []string) (map[string]Hold, error) {
	held, asker := map[string]Hold{}, newAsker()
	var kv jetstream.KeyValue
	err := asker.ask(ctx, "look up bucket "+bucket, "$JS.API.STREAM.INFO.KV_"+bucket, func(ctx context.Context) (err error) {
		kv, err = js.KeyValue(ctx, bucket)
		return err
	})
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return held, nil
	}
	if err != nil {
		return held, err
	}
	var all error
	for _, id := range ids {
		all = errors.Join(all, asker.ask(ctx, "read hold."+id, "$JS.API.DIRECT.GET.KV_"+bucket+".>", func(ctx context.Context) error {
			e, err := kv.Get(ctx, "hold."+id)
			if errors.Is(err, jetstream.ErrKeyNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			held[id], err = decodeHold(id, e.Value())
			return err
		}))
	}
	return held, all
}

// HeldRoutes returns the holds of the routes whose destination is held, by
// route. Where a route's events go is what its replicas say: those alive, or the
// last there were. It asks for the stream and for the bucket, and reads neither
// consumers nor notes. Its error is a *NoBucketError where there is no bucket.
func HeldRoutes(ctx context.Context, js jetstream.JetStream, c Config) (map[string]Hold, error) {
	r := &reader{Config: c, js: js, asker: newAsker()}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	r.readShared(ctx, []string{"hold.*", "replica.*"})
	return r.shared.heldRoutes(r.stream.CachedInfo().TimeStamp, c.ReplicaLife), r.shared.err
}

func (s *shared) heldRoutes(now time.Time, life time.Duration) map[string]Hold {
	last := slices.Clone(s.replicas)
	held := map[string]Hold{}
	for _, replicas := range [][]Replica{last, s.alive(now, life)} {
		for _, replica := range replicas {
			for route := range replica.Destinations {
				if h, ok := s.holds[destinationsOf(route, replicas)[0].ID]; ok {
					held[route] = h
				} else {
					delete(held, route)
				}
			}
		}
	}
	return held
}
