package trace

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/schemas"
)

// mostHeads is how many events that were put off are read to find the one that
// an event waits for.
const mostHeads = 100

// readObstacles tells what an event waits for that is not settled: its
// destination, or an event of the same key.
func (r *reader) readObstacles(ctx context.Context, p *publish, route *Route) {
	if route.State.settled() {
		return
	}
	if h, held := r.readHolds(ctx)[route.Name]; held {
		route.Hold = &h
	}
	if route.State != InHand || !p.Stored {
		return
	}
	var err error
	if route.Behind, err = r.readBehind(ctx, p, route.Name); err != nil {
		r.unknown("whether it waits for another event: %v", explain(err, "read bucket "+r.Bucket, "$JS.API.CONSUMER.CREATE.KV_"+r.Bucket+".>"))
	}
}

// readHolds asks for the holds, once.
func (r *reader) readHolds(ctx context.Context) map[string]Hold {
	if r.holds != nil || r.Holds == nil {
		return r.holds
	}
	holds, err := r.Holds(ctx)
	if err != nil {
		r.unknown("whether it waits behind a hold: %v", err)
	}
	if r.holds = holds; holds == nil {
		r.holds = map[string]Hold{}
	}
	return r.holds
}

// readBehind finds the event of the same key that was put off and goes first;
// nil where there is none, and where nobody serves the route in order.
func (r *reader) readBehind(ctx context.Context, p *publish, route string) (*Behind, error) {
	kv, err := r.bucket(ctx)
	if kv == nil || err != nil {
		return nil, err
	}
	if ordered, err := isOwned(ctx, kv, route); err != nil || !ordered {
		return nil, err
	}
	notes, err := readNotes(ctx, kv, route, p.Sequence)
	if err != nil {
		return nil, err
	}
	ordering := r.Ordering[route]
	if ordering != bridge.OrderingStrict {
		ordering = bridge.OrderingKey
	}
	key := ordering.Key(bridge.Message{Sequence: p.Sequence, Body: p.body})
	for _, n := range notes[:min(len(notes), mostHeads)] {
		m, err := r.events.GetMsg(ctx, n.sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n.due.After(time.Now()) && ordering.Key(bridge.Message{Sequence: m.Sequence, Body: m.Data}) == key {
			head := &Behind{Sequence: m.Sequence, Until: n.due}
			if event, err := schemas.Decode(m.Data); err == nil {
				head.EventID = event.ID
			}
			return head, nil
		}
	}
	return nil, nil
}

// isOwned reports whether a replica serves a route in order.
func isOwned(ctx context.Context, kv jetstream.KeyValue, route string) (bool, error) {
	entry, err := kv.Get(ctx, "owner."+route)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var v struct {
		Released bool `json:"released"`
	}
	return json.Unmarshal(entry.Value(), &v) == nil && !v.Released, nil
}
