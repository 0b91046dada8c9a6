package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// parking remembers the events that were put off, so that they can be brought
// back when their destination works again, by whichever replica learns of it.
// JetStream does not tell which events wait, but a nak at the reply subject of
// a delivery that was put off brings it back at once, from any connection.
//
// The notes are in the bucket that replicas share, one key for each event and
// route: parked.<route>.<event>. A note that is lost costs time, not an event.
type parking struct {
	js     jetstream.JetStream
	stream string // of the events
	bucket string
	now    func() time.Time // by the server's clock: a note is read by other machines
	log    *slog.Logger

	mu     sync.Mutex
	opened jetstream.KeyValue
}

// markerLife is how long the marker of a removed note stays in the bucket.
const markerLife = time.Minute

// mostEarly is how long at most before its delay is over an event is not brought
// back any more: it comes by itself, and may be in hand by a clock that is known
// less well.
const mostEarly = time.Second

// open finds the bucket, once.
func (p *parking) open(ctx context.Context) (jetstream.KeyValue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != nil {
		return p.opened, nil
	}
	kv, err := p.js.KeyValue(ctx, p.bucket)
	if err == nil {
		p.opened = kv
	}
	return kv, err
}

// note is what is remembered of an event.
type note struct {
	Reply string    `json:"reply"`
	Due   time.Time `json:"due"`
}

func parkingKey(route string, id identity) string { return eventKey("parked", route, id) }

// eventKey is the key of what the bucket keeps for an event on one route.
func eventKey(kind, route string, id identity) string {
	return kind + "." + route + "." + strconv.FormatUint(id.sequence, 10) + "-" + strconv.FormatInt(id.published, 16)
}

// park notes an event that was put off, and returns the revision of the note, 0
// if it could not be written.
func (p *parking) park(ctx context.Context, route string, it *item, delay time.Duration) uint64 {
	revision, err := p.write(ctx, parkingKey(route, it.id), note{it.latest().Reply, p.now().Add(delay - min(delay/10, mostEarly))})
	if err != nil {
		p.log.Warn("event put off cannot be brought back early", "error", err, "sequence", it.Sequence)
	}
	return revision
}

func (p *parking) write(ctx context.Context, key string, n note) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	kv, err := p.open(ctx)
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	return kv.Put(ctx, key, value)
}

// forget removes the note of an event that is settled.
func (p *parking) forget(ctx context.Context, route string, it *item) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	kv, err := p.open(ctx)
	if err != nil {
		return
	}
	e, err := kv.Get(ctx, parkingKey(route, it.id))
	if err != nil {
		return // none, or out of reach: then it is past its time some day
	}
	_, _ = take(ctx, kv, e)
}

// errTTLDisabled is the server's JSMessageTTLDisabledErr: somebody has made the
// bucket without marker TTLs.
const errTTLDisabled jetstream.ErrorCode = 10166

// take removes a note and reports whether it was still there as it was: then
// its event is the caller's to bring back.
func take(ctx context.Context, kv jetstream.KeyValue, e jetstream.KeyValueEntry) (bool, error) {
	return purge(ctx, kv, e.Key(), e.Revision())
}

// purge removes a key and reports whether it was still at that revision.
func purge(ctx context.Context, kv jetstream.KeyValue, key string, revision uint64) (bool, error) {
	err := kv.Purge(ctx, key, jetstream.LastRevision(revision), jetstream.PurgeTTL(markerLife))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == errTTLDisabled {
		err = kv.Purge(ctx, key, jetstream.LastRevision(revision)) // its marker stays
	}
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return false, nil
	}
	return err == nil, err
}

// bringBack has the events of a route that wait for their redelivery delivered
// at once, and returns how many.
func (p *parking) bringBack(ctx context.Context, route string) (int, error) {
	kv, err := p.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("bring back events of %s: %w", route, err)
	}
	stream, err := p.js.Stream(ctx, p.stream)
	if err != nil {
		return 0, fmt.Errorf("bring back events of %s: look up stream %s: %w", route, p.stream, err)
	}
	watch, err := kv.Watch(ctx, "parked."+route+".>", jetstream.IgnoreDeletes())
	if err != nil {
		return 0, fmt.Errorf("bring back events of %s: %w", route, err)
	}
	defer watch.Stop() //nolint:errcheck // the connection may be gone
	n := 0
	stalled := time.NewTimer(ackTimeout)
	defer stalled.Stop()
	for {
		stalled.Reset(ackTimeout)
		select {
		case e := <-watch.Updates():
			if e == nil {
				return n, nil
			}
			id, _ := parkedEvent(e.Key(), route)
			back, err := p.recall(ctx, kv, e, id.precedes(stream.CachedInfo().Created))
			if err != nil {
				return n, fmt.Errorf("bring back events of %s: %w", route, err)
			}
			if back {
				n++
			}
		case <-stalled.C: // the bucket's leader is gone, or the bucket
			return n, fmt.Errorf("bring back events of %s: nothing is heard of the bucket for %s", route, ackTimeout)
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
}

// recall has one event delivered at once, if it still waits. One whose time
// has come may be in somebody's hands already, and is left alone. The note of one
// that is gone with its stream is only removed: another event has its sequence.
func (p *parking) recall(ctx context.Context, kv jetstream.KeyValue, e jetstream.KeyValueEntry, gone bool) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	ours, err := take(bounded, kv, e)
	if err != nil || !ours || gone {
		return false, err
	}
	var n note
	if err := json.Unmarshal(e.Value(), &n); err != nil || !p.now().Before(n.Due) {
		return false, nil // a note that cannot be read is of no use
	}
	return true, p.js.Conn().PublishMsg(&nats.Msg{Subject: n.Reply, Data: []byte(nak)})
}
