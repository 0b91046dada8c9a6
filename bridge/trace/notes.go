package trace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// note is what the bucket keeps of an event that was put off, so that it can be
// brought back.
type note struct {
	sequence uint64
	due      time.Time
}

// readDue reads until when an event was put off; zero where there is no note of
// it.
func (r *reader) readDue(ctx context.Context, route string, id identity) time.Time {
	kv, err := r.bucket(ctx)
	if kv == nil && err == nil {
		return time.Time{}
	}
	var entry jetstream.KeyValueEntry
	if err == nil {
		entry, err = kv.Get(ctx, "parked."+route+"."+strconv.FormatUint(id.sequence, 10)+"-"+strconv.FormatInt(id.published, 16))
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return time.Time{}
	}
	if err != nil {
		r.unknown("until when it is put off: %v", explain(err, "read bucket "+r.Bucket, "$JS.API.DIRECT.GET.KV_"+r.Bucket+".>"))
		return time.Time{}
	}
	return decodeNote(entry.Value())
}

// bucket opens what the replicas share; nil where there is none yet.
func (r *reader) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := r.JetStream.KeyValue(ctx, r.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	return kv, err
}

// readNotes reads the notes of a route's events before a sequence, in their
// order.
func readNotes(ctx context.Context, kv jetstream.KeyValue, route string, before uint64) ([]note, error) {
	prefix := "parked." + route + "."
	watch, err := kv.Watch(ctx, prefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	var notes []note
	for {
		select {
		case e := <-watch.Updates():
			if e == nil {
				slices.SortFunc(notes, func(a, b note) int { return cmp.Compare(a.sequence, b.sequence) })
				return notes, nil
			}
			number, _, _ := strings.Cut(strings.TrimPrefix(e.Key(), prefix), "-")
			if sequence, err := strconv.ParseUint(number, 10, 64); err == nil && sequence < before {
				notes = append(notes, note{sequence, decodeNote(e.Value())})
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// decodeNote returns when an event is due; zero for a note that cannot be read.
func decodeNote(value []byte) time.Time {
	var v struct {
		Due time.Time `json:"due"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return time.Time{}
	}
	return v.Due.UTC()
}
