package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// heartbeat is how often a replica writes that it is alive, and finds out
	// whether it still hears of changes; restingHeartbeat how often while it
	// wants nothing through and knows of no hold. What comes first after a rest
	// has it find out at once.
	heartbeat        = time.Second
	restingHeartbeat = 5 * time.Second
	// ReplicaLife is how old a replica's record may be while it is alive: a
	// bucket without a leader takes none for a while.
	ReplicaLife = 30 * time.Second
	// markerLife is how long the bucket keeps the marker of a removed key.
	markerLife = time.Minute
	// sessionPause is the time before a session is tried again.
	sessionPause = time.Second
	// lookupTimeout bounds one look-up of the bucket: where its leader has gone
	// nobody answers, and the next attempt may find another.
	lookupTimeout = 2 * time.Second
)

// Replica is the record of a replica in the bucket; its time is the entry's.
type Replica struct {
	Version string    `json:"version"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	Routes  []string  `json:"routes"`
	// Destinations are where the routes' events go, by route. What NewShared is
	// given is replaced with what Config.Destinations returns.
	Destinations map[string]Destination `json:"destinations,omitempty"`
}

// Shared is a Gate with the bucket that keeps it in step with other replicas.
type Shared struct {
	*Gate
	js      jetstream.JetStream
	bucket  BucketConfig
	replica Replica
	ready   chan struct{}
	moved   chan struct{}
	trouble atomic.Pointer[error]
}

// NewShared returns a gate that lets nothing through before Run knows the
// present holds.
func NewShared(js jetstream.JetStream, b BucketConfig, r Replica, c Config) *Shared {
	return &Shared{Gate: newGate(c, &bucket{}), js: js, bucket: b, replica: r, ready: make(chan struct{}), moved: make(chan struct{}, 1)}
}

// Ready is closed once the present holds are known for the first time.
func (s *Shared) Ready() <-chan struct{} { return s.ready }

// Trouble says why the present holds were not known the last time that this was
// tried; nil if it was not tried yet.
func (s *Shared) Trouble() error {
	if err := s.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Run keeps the gate in step until ctx is done. While the connection is lost
// the gate is paused; once it is back, the gate reads all holds anew before it
// lets anything through.
func (s *Shared) Run(ctx context.Context) {
	restart, stop := s.pauseWhenLost()
	defer stop()
	found := s.js.Conn().StatusChanged(nats.CONNECTED)
	defer s.js.Conn().RemoveStatusListener(found)
	told := ""
	for ctx.Err() == nil {
		err := s.session(ctx, restart)
		s.Pause()
		if err != nil {
			s.trouble.Store(&err)
		}
		if err != nil && err.Error() != told && ctx.Err() == nil {
			told = err.Error()
			s.cfg.Logger.Warn("holds are not known, nothing is posted meanwhile", "error", err)
		}
		if errors.Is(err, errDeaf) {
			continue // another watch may be served by another server
		}
		select {
		case <-ctx.Done():
		case <-found:
		case <-time.After(sessionPause):
		}
	}
	s.leaveFleet(context.WithoutCancel(ctx))
}

// pauseWhenLost pauses the gate as soon as the connection is lost, and then has
// the session begin anew.
func (s *Shared) pauseWhenLost() (restart <-chan struct{}, stop func()) {
	lost := s.js.Conn().StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	again, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		for range lost {
			s.Pause()
			select {
			case again <- struct{}{}:
			default:
			}
		}
	}()
	return again, func() { s.js.Conn().RemoveStatusListener(lost); <-done }
}

// session reads the present state, ends the pause, and follows what changes
// until the connection or the bucket is lost.
func (s *Shared) session(ctx context.Context, restart <-chan struct{}) error {
	select {
	case <-restart: // for a session that has ended already
	default:
	}

	if !s.js.Conn().IsConnected() {
		return nil
	}
	kv, err := s.open(ctx)
	if err != nil {
		return err
	}
	if err := s.beat(ctx); err != nil {
		return err
	}
	watch, err := kv.WatchFiltered(ctx, []string{"hold.*", "works.*", s.recordKey()})
	if err != nil {
		return fmt.Errorf("watch bucket %s: %w", s.bucket.Name, err)
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	if err := s.snapshot(ctx, watch); err != nil {
		return err
	}
	s.stop.resume()
	return s.follow(ctx, watch, restart)
}

func (s *Shared) open(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := s.bucket.open(ctx, s.js)
	if err != nil {
		return nil, err
	}
	s.store.(*bucket).kv.Store(&kv)
	return kv, nil
}

// snapshot takes over the present state.
func (s *Shared) snapshot(ctx context.Context, watch jetstream.KeyWatcher) error {
	held := map[string]bool{}
	timeout := time.After(storeTimeout)
	for {
		select {
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case e != nil:
				switch kind, id, _ := strings.Cut(e.Key(), "."); kind {
				case "hold":
					held[id] = true
					s.doorOf(id).present(entryOf(e))
				case "works":
					s.hear(e)
				}
				continue
			}
			for id, o := range s.all() {
				if !held[id] {
					o.absent()
				}
			}
			select {
			case <-s.ready:
			default:
				close(s.ready)
			}
			return nil
		case <-timeout:
			return fmt.Errorf("read bucket %s: no answer within %s", s.bucket.Name, storeTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow takes over changes.
func (s *Shared) follow(ctx context.Context, watch jetstream.KeyWatcher, restart <-chan struct{}) error {
	deaf, heard, stop := s.listen(ctx)
	defer stop()
	for {
		select {
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case e == nil:
			case e.Key() == s.recordKey():
				heard(entryOf(e))
			default:
				s.hear(e)
			}
		case err := <-deaf:
			return err
		case <-restart:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// hear takes over one change.
func (s *Shared) hear(e jetstream.KeyValueEntry) {
	kind, id, _ := strings.Cut(e.Key(), ".")
	o := s.doorOf(id)
	if kind == "works" {
		if e.Operation() == jetstream.KeyValuePut { // that a key goes is no evidence
			o.accepted(e.Created())
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hear(entryOf(e))
}

// entryOf makes a removal an entry without a value.
func entryOf(e jetstream.KeyValueEntry) entry {
	if e.Operation() != jetstream.KeyValuePut {
		return entry{nil, e.Revision(), e.Created()}
	}
	return entry{e.Value(), e.Revision(), e.Created()}
}

// all returns the doors by destination.
func (g *Gate) all() map[string]*door {
	g.mu.RLock()
	defer g.mu.RUnlock()
	doors := make(map[string]*door, len(g.doors))
	for id, o := range g.doors {
		doors[id] = o
	}
	return doors
}

// holdsAny reports whether a destination is held, as far as this replica knows.
func (g *Gate) holdsAny() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, o := range g.doors {
		if o.isHeld() {
			return true
		}
	}
	return false
}
