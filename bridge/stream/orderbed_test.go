package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/lease"
)

// acquire is what lets a replica own routes.
func (b *bed) acquire(js jetstream.JetStream, bucket string) Acquire {
	keeper := lease.New(lease.Config{JetStream: js, Bucket: bucket, Replica: nuid.Next(), Logger: b.logger()})
	return func(ctx context.Context, route string, life time.Duration) (Tenure, error) {
		t, err := keeper.Acquire(ctx, "owner."+route, life)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

func orderedRoute(t *testing.T, o bridge.Ordering, concurrency int) *bridge.Route {
	t.Helper()
	r := testRoute(t, "payments", concurrency)
	r.Ordering = o
	return r
}

// keyed is an event of a key, the n-th of it.
func keyed(key string, n int) string {
	return fmt.Sprintf(`{"type":"payment.success","event_id":"%s/%d","sent_at":"2026-01-31T12:00:00Z","payload":{"payment_id":"%s"}}`, key, n, key)
}

// nameOf is the event_id of an event made by keyed: its key and number.
func nameOf(m bridge.Message) string {
	_, rest, _ := strings.Cut(string(m.Body), `"event_id":"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

func keyOf(name string) string {
	key, _, _ := strings.Cut(name, "/")
	return key
}

// journal is what was handled, by all replicas, and says what is out of order.
type journal struct {
	mu      sync.Mutex
	started []string // names, in the order of their starts
	latest  map[string]uint64
	inHand  map[string]string
	wrong   []string
}

func newJournal() *journal {
	return &journal{latest: map[string]uint64{}, inHand: map[string]string{}}
}

// watch writes down what a handler does. of says which events belong together.
func (j *journal) watch(of func(name string) string, handle handlerFunc) handlerFunc {
	return func(ctx context.Context, m bridge.Message) bridge.Verdict {
		name := nameOf(m)
		j.start(of(name), name, m)
		defer j.end(of(name))
		return handle(ctx, m)
	}
}

func (j *journal) start(key, name string, m bridge.Message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if other := j.inHand[key]; other != "" {
		j.wrong = append(j.wrong, name+" began beside "+other)
	}
	if m.Sequence < j.latest[key] {
		j.wrong = append(j.wrong, fmt.Sprintf("%s (%d) began after %d", name, m.Sequence, j.latest[key]))
	}
	j.latest[key], j.inHand[key] = m.Sequence, name
	j.started = append(j.started, name)
}

func (j *journal) end(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.inHand[key] = ""
}

func (j *journal) names() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.started...)
}

func (j *journal) has(name string) bool {
	for _, n := range j.names() {
		if n == name {
			return true
		}
	}
	return false
}

func (j *journal) check(t *testing.T) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, w := range j.wrong {
		t.Error(w)
	}
}

// owner waits until one of the replicas serves the route, and returns it.
func owner(t *testing.T, replicas ...*replica) (o *replica) {
	t.Helper()
	eventually(t, "an owner", func() bool {
		for _, r := range replicas {
			if r.Routes()[0].Owned {
				o = r
				return true
			}
		}
		return false
	})
	return o
}

// crash ends a replica as a kill does: nothing it still wants to say is heard.
func (r *replica) crash() {
	r.js.Conn().Close()
	r.stop()
}
