package trace

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// newNumberedBed has events with the ids 0, 1, 2…, every tenth on another
// subject than the rest.
func newNumberedBed(t *testing.T, events int) *bed {
	t.Helper()
	b := newBed(t)
	b.fill("", events, func(m *nats.Msg, i int) {
		m.Subject = "payments.success"
		if i%10 == 0 {
			m.Subject = "payments.refunded"
		}
		m.Header.Set(jetstream.MsgIDHeader, strconv.Itoa(i))
		m.Data = []byte(body(strconv.Itoa(i)))
	})
	return b
}

func (b *bed) reader() *reader {
	b.t.Helper()
	s, err := b.js.Stream(b.t.Context(), "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	b.config.Most = DefaultMost
	return &reader{Config: b.config, events: s, trace: &Trace{}}
}

// TestStretchIsReadOnce by however many consumers.
func TestStretchIsReadOnce(t *testing.T) {
	t.Parallel()
	const events = 2 * shortStretch
	b := newNumberedBed(t, events)
	r := b.reader()
	for _, gone := range []uint64{1, 2, shortStretch, shortStretch + 1, events} {
		if err := r.events.DeleteMsg(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	r = b.reader()
	refunded := []string{"payments.refunded"}
	for name, tt := range map[string]struct {
		in   stretch
		want int // messages
		of   int
		in1  int // the first sequence that must be among them, if any
	}{
		"all":                 {stretch{}, events - 5, events - 5, 3},
		"one subject":         {stretch{from: place{subjects: refunded}}, events/10 - 2, events/10 - 2, 11},
		"from a sequence":     {stretch{from: place{sequence: 1001}}, events - 1000 - 3, events - 1000 - 3, 1001},
		"up to a sequence":    {stretch{before: place{sequence: 1001}}, 998, 998, 1000},
		"between two":         {stretch{from: place{sequence: 101}, before: place{sequence: 15101}}, 14998, 14998, 15100},
		"short":               {stretch{from: place{sequence: 101}, before: place{sequence: 111}}, 10, 10, 110},
		"nothing":             {stretch{from: place{sequence: 111}, before: place{sequence: 111}}, 0, 0, 0},
		"the wrong way round": {stretch{from: place{sequence: 121}, before: place{sequence: 111}}, 0, 0, 0},
		"after the end":       {stretch{from: place{time: time.Now().Add(time.Hour)}}, 0, 0, 0},
		"up to a later time":  {stretch{before: place{time: time.Now().Add(time.Hour)}}, events - 5, events - 5, 3},
		"the newest":          {stretch{most: 1000}, 999, events - 5, events - 1},
		"the oldest":          {stretch{most: 1000, oldest: true}, 1000, events - 5, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			seen := map[uint64]int{}
			looked, err := r.find(t.Context(), r.events, tt.in, headersOnly, func(msg *nats.Msg) bool {
				meta, err := msg.Metadata()
				if err != nil {
					t.Error(err)
					return false
				}
				mu.Lock()
				defer mu.Unlock()
				seen[meta.Sequence.Stream]++
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			for sequence, times := range seen {
				if times != 1 {
					t.Errorf("sequence %d was read %d times", sequence, times)
				}
			}
			if len(seen) != tt.want || looked.read != uint64(tt.want) || looked.of != uint64(tt.of) {
				t.Errorf("read %d, %+v; want %d of %d", len(seen), looked, tt.want, tt.of)
			}
			if tt.in1 > 0 && seen[uint64(tt.in1)] == 0 {
				t.Errorf("%d was not read", tt.in1)
			}
		})
	}
}

// TestFindEnds once what is looked for is found, whichever consumer has it.
func TestFindEnds(t *testing.T) {
	t.Parallel()
	const events = 2 * shortStretch
	b := newNumberedBed(t, events)
	r := b.reader()
	for _, id := range []int{0, events / 3, events / 2, events - 1} {
		r.eventID = strconv.Itoa(id)
		sequence, err := r.findEvent(t.Context())
		if err != nil || sequence != uint64(id+1) {
			t.Errorf("%d: found at %d: %v", id, sequence, err)
		}
	}
}

// TestSearchIsBounded where nobody says from when on: what a route has not
// settled is found, and what is new.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	const events = 6000
	b := newNumberedBed(t, events)
	stuck := b.route("stuck")
	stuck.Subjects = []string{"payments.refunded"}
	b.provision(stuck)
	b.config.Most = 2000
	for id, found := range map[string]bool{"10": true, "11": false, "3001": false, "5999": true} {
		got, err := Read(t.Context(), b.config, id)
		if !found {
			var unknown *UnknownError
			if !errors.As(err, &unknown) || !unknown.Partial() || unknown.Total != events || unknown.Read > 2000 || !strings.Contains(err.Error(), " of 6000 messages of stream EVENTS") {
				t.Errorf("%s: %v", id, err)
			}
		} else if err != nil || got.Publishes[0].Subject == "" {
			t.Errorf("%s: %v", id, err)
		}
	}
	b.config.Since = time.Now().Add(-time.Hour)
	if got, err := Read(t.Context(), b.config, "3001"); err != nil || got.Publishes[0].Sequence != 3002 {
		t.Errorf("with since: %v", err)
	}
	_, err := Read(t.Context(), b.config, "order-4711")
	if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || unknown.Partial() || unknown.Read != events {
		t.Errorf("with since: %v", err)
	}
}

// TestMessageWithoutAnID is no event that one looks for.
func TestMessageWithoutAnID(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.fill("payments.refunded", 2, func(*nats.Msg, int) {})
	got, err := Read(t.Context(), b.config, "")
	if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || unknown.Read != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestMessagesWithAStatusOfTheirOwn are messages like others: a header Status is the
// business of the service that published the event.
func TestMessagesWithAStatusOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.run(verdict(bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}))
	var ids []string
	b.fill("payments.refunded", 6, func(m *nats.Msg, i int) {
		ids = append(ids, newID())
		m.Data = []byte(body(ids[i]))
		m.Header.Set(jetstream.MsgIDHeader, ids[i])
		m.Header.Set("Status", []string{"paid", "100", "404", "408", "409", "503"}[i])
	})
	for i, id := range ids {
		route := b.becomes(id, DeadLettered, 0)
		if at := b.read(id).Publishes[0].Sequence; at != uint64(i+1) || route.Letter == 0 {
			t.Errorf("%d is found at %d, with letter %d", i+1, at, route.Letter)
		}
	}
}

// TestLetterOfALongSubject is not stored under it.
func TestLetterOfALongSubject(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.run(verdict(bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}))
	id := newID()
	b.publishOn("payments."+strings.Repeat("x", 2100), id, id)
	if r := b.becomes(id, DeadLettered, 0); r.Letter != 1 {
		t.Errorf("%+v", r)
	}
}

// TestLetterThatWasNotLookedAt is not taken for none.
func TestLetterThatWasNotLookedAt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.run(verdict(bridge.Verdict{Outcome: bridge.Delivered}))
	id := newID()
	b.publish(id)
	b.becomes(id, Settled, 0)
	b.fill("dlq.payments.payments.refunded", 2000, func(*nats.Msg, int) {})
	if got := strings.Join(b.read(id).Unknown, "\n"); strings.Contains(got, "dead letter") {
		t.Errorf("not known: %s", got)
	}
	b.config.Most = 100
	if got := strings.Join(b.read(id).Unknown, "\n"); !strings.Contains(got, "whether it is a dead letter on route payments: 100 of 2000 letters") {
		t.Errorf("not known: %s", got)
	}
}

// TestLetterIsGoneOnlyWhereThatIsKnown although a receipt tells of it.
func TestLetterIsGoneOnlyWhereThatIsKnown(t *testing.T) {
	t.Parallel()
	b := newBed(t).withReceipts()
	b.run(verdict(bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected}))
	id := newID()
	b.publish(id)
	b.becomes(id, DeadLettered, 1)
	note := func(what, want string) {
		t.Helper()
		if got := b.read(id).Publishes[0].Routes[0]; got.Letter != 0 || got.Note != want {
			t.Errorf("%s: letter %d, %q", what, got.Letter, got.Note)
		}
	}
	s, err := b.js.Stream(t.Context(), "EVENTS_DLQ")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	note("discarded", "the letter is not in EVENTS_DLQ any more: replayed or discarded")
	b.fill("dlq.payments.payments.refunded", 2000, func(*nats.Msg, int) {})
	b.config.Most = 100
	note("many letters", "whether the letter is still in EVENTS_DLQ is not known: 100 of 2000 letters since then were looked at")
	if err := b.js.DeleteStream(t.Context(), "EVENTS_DLQ"); err != nil {
		t.Fatal(err)
	}
	note("no stream", "whether the letter is still in EVENTS_DLQ is not known: there is no stream EVENTS_DLQ")
}
