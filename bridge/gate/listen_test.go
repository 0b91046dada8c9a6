package gate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEchoOfARecordIsExpected(t *testing.T) {
	for _, c := range []struct {
		name  string
		heard []uint64
		want  error
	}{
		{"its own", []uint64{7}, nil},
		{"an earlier one, and then its own", []uint64{6, 7}, nil},
		{"one that was written since", []uint64{8}, nil},
		{"only an earlier one", []uint64{6}, errDeaf},
		{"nothing", nil, errDeaf},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				echoes := make(chan entry)
				begin := time.Now()
				go func() {
					for _, revision := range c.heard {
						time.Sleep(echoTimeout / 4)
						echoes <- entry{revision: revision, created: begin.Add(time.Duration(revision))}
					}
				}()
				stamped, err := echo(t.Context(), echoes, 7)
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if own := slices.Contains(c.heard, 7); own && !stamped.Equal(begin.Add(7)) || !own && !stamped.IsZero() {
					t.Errorf("stored at %s", stamped)
				}
			})
		})
	}
}

// echoing is a bucket whose watch tells a replica of its own record.
type echoing struct {
	store

	mu    sync.Mutex
	heard func(entry)
	puts  []time.Time
}

func (e *echoing) put(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := e.store.put(ctx, key, value)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.puts = append(e.puts, time.Now())
	e.heard(entry{value, revision, time.Now()})
	return revision, err
}

// TestReplicaThatWantsNothingThroughRests: it makes sure every few seconds that
// it hears of holds, at once when something wants through, and from then on, and
// while a destination is held, every second.
func TestReplicaThatWantsNothingThroughRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := &Shared{Gate: m.join(testConfig("a")), moved: make(chan struct{}, 1)}
		bucket := &echoing{store: m}
		s.store = bucket
		begin := time.Now()
		bucket.mu.Lock()
		deaf, heard, stop := s.listen(t.Context())
		defer stop()
		bucket.heard = heard
		bucket.mu.Unlock()
		d := destination(t, unlimitedPace)

		time.Sleep(12500 * time.Millisecond) // beats after 1, 6 and 11 s
		pass := mustEnter(t, s.Gate, d, 1)
		time.Sleep(8 * time.Second) // at once, 13.5, 18.5
		s.Leave(t.Context(), d, message(1), pass, tooMany)
		waiter := enter(t, s.Gate, d, 2)
		time.Sleep(3500 * time.Millisecond) // at once, 21.5, 22.5, 23.5
		if isThrough(waiter) {
			t.Fatal("went through a held gate")
		}

		var got []time.Duration
		bucket.mu.Lock()
		for _, at := range bucket.puts {
			got = append(got, at.Sub(begin))
		}
		bucket.mu.Unlock()
		var want []time.Duration
		for _, seconds := range []float64{1, 6, 11, 12.5, 13.5, 18.5, 20.5, 21.5, 22.5, 23.5} {
			want = append(want, time.Duration(seconds*float64(time.Second)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("beats (-want +got):\n%s", diff)
		}
		if len(deaf) > 0 {
			t.Errorf("deaf: %v", <-deaf)
		}
	})
}
