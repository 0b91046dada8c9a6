package backlog

import (
	"context"
	"errors"

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
