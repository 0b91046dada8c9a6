package gate

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge/testbed"
)

// memory is a bucket for tests with a clock of their own, in which a real
// server cannot run. It tells the gates of changes as a watch does.
type memory struct {
	mu       sync.Mutex
	revision uint64
	entries  map[string]entry
	watchers []*Gate
	fail     error // every request fails with it
}

func newMemory() *memory { return &memory{entries: map[string]entry{}} }

func (m *memory) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) get(_ context.Context, key string) (entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return entry{}, m.fail
	}
	if e, ok := m.entries[key]; ok {
		return e, nil
	}
	return entry{}, errNotFound
}

func (m *memory) create(_ context.Context, key string, value []byte) (uint64, error) {
	return m.change(key, value, func(_ entry, exists bool) bool { return !exists })
}

func (m *memory) update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return m.change(key, value, func(e entry, exists bool) bool { return exists && e.revision == revision })
}

func (m *memory) remove(_ context.Context, key string, revision uint64) error {
	_, err := m.change(key, nil, func(e entry, exists bool) bool { return exists && (revision == 0 || e.revision == revision) })
	return err
}

func (m *memory) put(_ context.Context, key string, value []byte) (uint64, error) {
	return m.change(key, value, func(entry, bool) bool { return true })
}

func (m *memory) change(key string, value []byte, allowed func(entry, bool) bool) (uint64, error) {
	m.mu.Lock()
	if m.fail != nil {
		defer m.mu.Unlock()
		return 0, m.fail
	}
	have, exists := m.entries[key]
	if !allowed(have, exists) {
		m.mu.Unlock()
		return 0, errConflict
	}
	m.revision++
	e := entry{value, m.revision, time.Now()}
	m.entries[key] = e
	if value == nil {
		delete(m.entries, key)
	}
	watchers := m.watchers
	m.mu.Unlock()
	for _, g := range watchers {
		tell(g, key, e)
	}
	return e.revision, nil
}

func tell(g *Gate, key string, e entry) {
	kind, id, _ := strings.Cut(key, ".")
	o := g.doorOf(id)
	switch kind {
	case "works":
		o.accepted(e.created)
	case "hold":
		o.mu.Lock()
		defer o.mu.Unlock()
		o.hear(e)
	}
}

// joinLogging is join with a look at what the gate says.
func (m *memory) joinLogging(replica string) (*Gate, *testbed.Log) {
	var logs testbed.Log
	c := testConfig(replica)
	c.Logger = logs.Logger(slog.LevelInfo)
	return m.join(c), &logs
}

// join makes a gate a replica of this bucket, which first learns what there is.
func (m *memory) join(c Config) *Gate {
	g := newGate(c, m)
	m.mu.Lock()
	m.watchers = append(m.watchers, g)
	present := maps.Clone(m.entries)
	m.mu.Unlock()
	for key, e := range present {
		tell(g, key, e)
	}
	g.stop.resume()
	return g
}
