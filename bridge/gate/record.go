package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Destination names where the events of a route go, without revealing it.
type Destination struct {
	// ID is what follows hold. in the bucket, Name the fingerprint.
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Moved has this replica's record written at once: what Config.Destinations
// returns has changed. It does not wait for that.
func (s *Shared) Moved() {
	select {
	case s.moved <- struct{}{}:
	default: // it is about to be written
	}
}

// record is what the bucket is to say of this replica now.
func (s *Shared) record() ([]byte, error) {
	r := s.replica
	r.Destinations = named(s.cfg.Destinations())
	return json.Marshal(r)
}

func named(destinations map[string]*bridge.Destination) map[string]Destination {
	names := make(map[string]Destination, len(destinations))
	for route, d := range destinations {
		names[route] = Destination{d.URL.ID(), d.URL.String()}
	}
	return names
}

// recordKey is the key that says that this replica is alive.
func (s *Shared) recordKey() string { return "replica." + s.cfg.Replica }

// written is a record that the server has taken: at some time between begin and
// end.
type written struct {
	revision   uint64
	begin, end time.Time
}

// write writes that this replica is alive.
func (s *Shared) write(ctx context.Context) (written, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	value, err := s.record()
	if err != nil {
		return written{}, err
	}
	begin := time.Now()
	revision, err := s.store.put(ctx, s.recordKey(), value)
	if err != nil {
		return written{}, fmt.Errorf("write to bucket %s: %w", s.bucket.Name, err)
	}
	return written{revision, begin, time.Now()}, nil
}

// beat writes that this replica is alive, and measures the server's clock.
func (s *Shared) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	w, err := s.write(ctx)
	if isRefusal(err) {
		s.cfg.Logger.Warn("nothing is shared with other replicas, holds neither", "error", err)
		return s.askClock(ctx)
	}
	if err != nil {
		return err
	}
	stamped, err := stamp(ctx, s.store, s.recordKey(), w.revision)
	if err != nil {
		return fmt.Errorf("read from bucket %s: %w", s.bucket.Name, err)
	}
	s.clock.learn(w.begin, w.end, stamped)
	return nil
}

// askClock measures the server's clock where the bucket takes no changes.
func (s *Shared) askClock(ctx context.Context) error {
	begin := time.Now()
	stream, err := s.js.Stream(ctx, "KV_"+s.bucket.Name)
	if err != nil {
		return fmt.Errorf("look up bucket %s: %w", s.bucket.Name, err)
	}
	s.clock.learn(begin, time.Now(), stream.CachedInfo().TimeStamp)
	return nil
}

// leaveFleet removes this replica's record.
func (s *Shared) leaveFleet(ctx context.Context) {
	if !s.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.store.remove(ctx, s.recordKey(), 0); err != nil {
		s.cfg.Logger.Debug("record of this replica not removed", "error", err)
	}
}
