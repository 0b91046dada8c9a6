package backlog

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// NoBucketError says that there is no bucket of that name: it is another one, or
// no bridge has run yet.
type NoBucketError struct{ Bucket string }

// Error says what to look at.
func (e *NoBucketError) Error() string {
	return "bucket " + e.Bucket + " does not exist: is BRIDGE_BUCKET right?"
}

// shared is what the replicas keep in their bucket, of interest here.
type shared struct {
	holds    map[string]Hold // by destination
	replicas []Replica       // dead ones too
	owners   map[string]string
	due      map[string][]time.Time // of the events put off, by route
	err      error
}

// sharedKeys are what is read of the bucket, in one go: the server sends every
// key's present value.
func sharedKeys() []string { return []string{"hold.*", "replica.*", "owner.*", "parked.*.>"} }

// readShared reads those keys of the bucket. What it could not read is in the
// error.
func (r *reader) readShared(ctx context.Context, keys []string) {
	s := &r.shared
	s.holds, s.owners, s.due = map[string]Hold{}, map[string]string{}, map[string][]time.Time{}
	var kv jetstream.KeyValue
	s.err = r.asker.ask(ctx, "look up bucket "+r.Bucket, "$JS.API.STREAM.INFO.KV_"+r.Bucket, func(ctx context.Context) (err error) {
		kv, err = r.js.KeyValue(ctx, r.Bucket)
		return err
	})
	switch {
	case errors.Is(s.err, jetstream.ErrBucketNotFound):
		s.err = &NoBucketError{r.Bucket}
	case s.err == nil:
		s.err = r.asker.explain(ctx, "read bucket "+r.Bucket, "$JS.API.CONSUMER.CREATE.KV_"+r.Bucket+".>", eachValue(ctx, kv, keys, s.take))
	}
}

// eachValue hands over the present value of every key. It ends with
// context.DeadlineExceeded where the server has been silent for too long.
func eachValue(ctx context.Context, kv jetstream.KeyValue, keys []string, take func(jetstream.KeyValueEntry)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(questionTimeout, func() { cancel(context.DeadlineExceeded) })
	defer silence.Stop()
	watch, err := kv.WatchFiltered(ctx, keys, jetstream.IgnoreDeletes())
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	for {
		select {
		case e, ok := <-watch.Updates():
			if !ok {
				return errors.New("the watch ended")
			}
			if e == nil {
				return nil
			}
			silence.Reset(questionTimeout)
			take(e)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take reads one value. One that cannot be read was written by another version
// or by hand: it is left out.
func (s *shared) take(e jetstream.KeyValueEntry) {
	kind, rest, _ := strings.Cut(e.Key(), ".")
	switch kind {
	case "hold":
		if h, err := decodeHold(rest, e.Value()); err == nil {
			s.holds[rest] = h
		}
	case "replica":
		if r, err := decodeReplica(rest, e); err == nil {
			s.replicas = append(s.replicas, r)
		}
	case "owner":
		var v struct {
			Replica  string `json:"replica"`
			Released bool   `json:"released"`
		}
		if json.Unmarshal(e.Value(), &v) == nil && !v.Released {
			s.owners[rest] = v.Replica
		}
	case "parked":
		if route, _, ok := strings.Cut(rest, "."); ok {
			if due, err := decodeDue(e.Value()); err == nil {
				s.due[route] = append(s.due[route], due)
			}
		}
	}
}

// alive are the replicas whose record is young enough.
func (s *shared) alive(now time.Time, life time.Duration) []Replica {
	alive := slices.DeleteFunc(s.replicas, func(r Replica) bool { return now.Sub(r.Seen) > life })
	slices.SortFunc(alive, func(a, b Replica) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return alive
}

func (s *shared) holdsByName() []Hold {
	var holds []Hold
	for _, h := range s.holds {
		holds = append(holds, h)
	}
	slices.SortFunc(holds, func(a, b Hold) int { return compareNames(a.Destination, b.Destination) })
	return holds
}

// complete adds to a route what the replicas know of it.
func (s *shared) complete(r *Route, state *State) {
	if named := destinationsOf(r.Name, state.Replicas); len(named) > 0 {
		r.Destination, r.Others = named[0], named[1:]
	}
	if h, ok := s.holds[r.Destination.ID]; ok {
		r.Hold = &h
	}
	if owner := s.owners[r.Name]; slices.ContainsFunc(state.Replicas, func(one Replica) bool { return one.ID == owner }) {
		r.Owner = owner
	}
	delayed := uint64(0)
	for _, due := range s.due[r.Name] {
		if due.After(state.At) {
			delayed++
		}
	}
	r.divide(delayed)
}
