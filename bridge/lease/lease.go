package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	// mostPoll is how often at least a standby looks whether the key is free.
	mostPoll = 200 * time.Millisecond
	// mostInterval is how often at least an owner renews.
	mostInterval = time.Second
	// requestTimeout bounds one request to the bucket.
	requestTimeout = 2 * time.Second
)

// Config is what a Keeper works with. Every field is required.
type Config struct {
	JetStream jetstream.JetStream
	// Bucket is the key-value bucket that the replicas share. It need not exist
	// yet; somebody else makes it.
	Bucket string
	// Replica names this process among the replicas.
	Replica string
	Logger  *slog.Logger
}

// Keeper acquires leases for one replica. It is safe for concurrent use.
type Keeper struct{ cfg Config }

// New returns a keeper that owns nothing yet.
func New(c Config) *Keeper { return &Keeper{c} }

// record is the value of a key.
type record struct {
	Replica string `json:"replica"`
	// Tenure tells this tenure from others of the same replica.
	Tenure string `json:"tenure"`
	// Life is how long the owner may be silent before it is taken for gone.
	Life time.Duration `json:"life"`
	// Released: the owner has left, and there is nothing to wait for.
	Released bool `json:"released,omitempty"`
}

// sighting is what a standby has seen of a key.
type sighting struct {
	revision uint64
	since    time.Time // when it was seen first
	record   record
}

// Acquire waits until this replica owns the key and returns its tenure, which
// is renewed until Release or Abandon is called. An owner that has been silent
// for life is taken for gone. What keeps it from the bucket is logged once and
// tried again; its only error is ctx's.
func (k *Keeper) Acquire(ctx context.Context, key string, life time.Duration) (*Tenure, error) {
	var (
		seen sighting
		told bool
	)
	log := k.cfg.Logger.With("lease", key)
	pause := time.NewTicker(min(mostPoll, max(life/20, time.Millisecond)))
	defer pause.Stop()
	for {
		t, err := k.attempt(ctx, key, life, &seen)
		switch {
		case ctx.Err() != nil && t == nil:
			return nil, ctx.Err()
		case t != nil:
			t.log = log
			interval := max(min(mostInterval, life/5), time.Millisecond)
			t.start(interval)
			if !t.unheard || t.settle(ctx, 2*interval) {
				return t, nil
			}
			t.Abandon()
		case err != nil && !told:
			told = true
			log.Warn("it is not known who owns the route, looking again", "error", err)
		case err == nil:
			told = false
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// attempt looks at the key once, and takes it if it is free or its owner gone.
// A record of this replica itself is of a tenure that is over, or of an attempt
// that was not confirmed.
// It returns nil where somebody else owns it.
func (k *Keeper) attempt(ctx context.Context, key string, life time.Duration, seen *sighting) (*Tenure, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := k.cfg.JetStream.KeyValue(ctx, k.cfg.Bucket)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", k.cfg.Bucket, err)
	}
	t := &Tenure{kv: kv, key: key, life: life, record: record{Replica: k.cfg.Replica, Tenure: nuid.Next(), Life: life}}
	if t.value, err = json.Marshal(t.record); err != nil {
		return nil, err
	}
	e, err := kv.Get(ctx, key)
	t.renewed = time.Now()
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		*seen, t.unheard = sighting{}, true
		t.revision, err = kv.Create(ctx, key, t.value)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", key, err)
	case seen.look(e, t.renewed, life).record.Released:
		t.revision, err = kv.Update(ctx, key, t.value, e.Revision())
	case t.renewed.Sub(seen.since) < seen.record.Life && seen.record.Replica != k.cfg.Replica:
		return nil, nil
	default:
		t.crashed, t.heard = true, seen.since
		t.revision, err = kv.Update(ctx, key, t.value, e.Revision())
		if err == nil {
			t.learnAge(ctx, e.Created())
		}
	}
	if isConflict(err) {
		return nil, nil // somebody else was quicker
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", key, err)
	}
	return t, nil
}

// look takes note of an entry. Where the owner's record cannot be read, it may be
// silent for as long as ours.
func (s *sighting) look(e jetstream.KeyValueEntry, now time.Time, life time.Duration) *sighting {
	if s.revision == e.Revision() {
		return s
	}
	*s = sighting{revision: e.Revision(), since: now}
	if err := json.Unmarshal(e.Value(), &s.record); err != nil || s.record.Life <= 0 {
		s.record.Life = life
	}
	return s
}

// isRefused reports whether the server is there and does not take a change.
func isRefused(err error) bool {
	_, refused := errors.AsType[*jetstream.APIError](err)
	return refused
}

// isConflict tells a change that came too late from other trouble.
func isConflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}
