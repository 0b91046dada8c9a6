package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	adminreport "github.com/makebridge/makebridge/bridge/report"
)

const (
	// noRevision is one that no key ever has: the server looks whether the user may
	// write a key, then at its revision, and refuses the change.
	noRevision = 1 << 53
	// writeTimeout is how long check waits for that.
	writeTimeout = 5 * time.Second
)

// sharedKey is a kind of key that replicas write, by one that stands for all of them,
// and what comes of it where they may not.
type sharedKey struct {
	key     string
	level   level
	without string
}

// sharedKeysOf are the kinds of keys that a bridge writes.
func sharedKeysOf(cfg *config.Config) []sharedKey {
	keys := []sharedKey{
		{"replica.check", levelError, "a bridge would post nothing"},
		{"hold.check", levelError, "what a replica holds it would never release"},
		{"works.check", levelWarning, "replicas do not tell each other what works, and failing events are tried for longer"},
		{"floor.check", levelWarning, "a consumer that is deleted begins with the oldest event of the stream"},
		{"parked.check.check", levelWarning, "events that wait for a redelivery are not brought back when their destination works again"},
		{"suspect.check.check", levelWarning, "an event whose handling ends the bridge does so for ever"},
	}
	limited, ordered, admin := false, false, false
	for _, r := range cfg.Routes {
		limited = limited || !r.Destination.Limit.IsZero()
		ordered = ordered || r.Ordering.Keeps()
		admin = admin || r.Name == adminreport.Route
	}
	if limited {
		keys = append(keys, sharedKey{"pace.check", levelError, "nothing would be sent to a destination with a rate limit"})
	}
	if ordered {
		keys = append(keys, sharedKey{"owner.check", levelError, "nobody would serve a route that keeps an order"})
	}
	if admin {
		keys = append(keys, sharedKey{"report.check.check", levelWarning, "the admin route is told nothing"})
	}
	return keys
}

// bucketFindings say which keys of the bucket the user may not write. Nothing is written
// to find that out.
func bucketFindings(ctx context.Context, js jetstream.JetStream, cfg *config.Config) []finding {
	kv, err := js.KeyValue(ctx, cfg.Stream.Bucket)
	if err != nil {
		return nil // which is told as what is to be changed
	}
	var list []finding
	var first error
	keys := sharedKeysOf(cfg)
	for _, k := range keys {
		err := mayWrite(ctx, kv, k.key)
		switch denied := (*deniedError)(nil); {
		case err == nil:
			continue
		case errors.As(err, &denied):
			list = append(list, found(k.level, "%v: %s", err, k.without))
			if first == nil {
				first = err
			}
		default:
			return append(list, found(levelWarning, "what this NATS user may write to bucket %s is not known: %v", cfg.Stream.Bucket, err))
		}
	}
	if len(list) == len(keys) { // mostly somebody who only looks
		return []finding{found(levelWarning, "%v, nor any other key of bucket %s: as this user a bridge would post nothing", first, cfg.Stream.Bucket)}
	}
	return list
}

// mayWrite asks for a change that the server will refuse, and returns an error where it
// did so for another reason than what the bucket has.
func mayWrite(ctx context.Context, kv jetstream.KeyValue, key string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := kv.Update(ctx, key, nil, noRevision)
	if _, refused := errors.AsType[*jetstream.APIError](err); refused || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return nil
	}
	return err
}
