package trace

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// receiptsLater is when an event is settled that was not at first, unless its
// webhook was away for long.
const receiptsLater = 4 * time.Hour

// identity tells events of a stream apart. A sequence alone does not: a stream
// that was deleted and created again counts from 1.
type identity struct {
	sequence  uint64
	published int64
}

func identityOf(sequence uint64, published time.Time) identity {
	return identity{sequence, published.UnixNano()}
}

// receipts are what the receipts of an event tell: where it is or was in the
// stream, and what happened on each route.
type receipts struct {
	subjects map[identity]string
	steps    map[identity]map[string][]Step // by route
	// stream has them; nil where there are none. It was read to its end unless
	// all that can be told of the event itself came before.
	stream jetstream.Stream
	ended  bool
}

// readReceipts reads those of the event. Those of another stream that was of
// the same name are among them.
func (r *reader) readReceipts(ctx context.Context) receipts {
	all := receipts{subjects: map[identity]string{}, steps: map[identity]map[string][]Step{}}
	if r.Receipts == "" {
		r.unknown("what happened when: BRIDGE_RECEIPTS is off here, so receipts are not looked at")
		return all
	}
	s, err := r.JetStream.Stream(ctx, r.Receipts)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		r.unknown("what happened when: there are no receipts (stream %s does not exist)", r.Receipts)
		return all
	}
	if err != nil {
		r.unknown("what happened when: %v", explain(err, "look up stream "+r.Receipts, "$JS.API.STREAM.INFO."+r.Receipts))
		return all
	}
	all.stream, r.receiptsKept = s, s.CachedInfo().Config.MaxAge
	from := r.Since
	if made, ok := bridge.MadeAt(r.eventID); ok && from.IsZero() {
		from = made.Add(-bridge.MostSkew)
	}
	all.ended = r.readReceiptsFrom(ctx, all, from, func() bool {
		for id := range all.subjects {
			if r.toldEverywhere(all, id) {
				return true
			}
		}
		return false
	})
	return all
}

// readReplayReceipts reads the receipts of a replay, which come after it, where
// the reading has ended before.
func (r *reader) readReplayReceipts(ctx context.Context, all receipts, p publish) {
	told := func() bool { return settles(all.steps[p.id][p.ReplayOf]) }
	if all.stream != nil && !all.ended && !told() {
		r.readReceiptsFrom(ctx, all, p.PublishedAt, told)
	}
}

// readReceiptsFrom reads receipts from a time on until they are enough, and
// reports whether it came to the end. It does so in parts, of which each is read
// whole: most events are settled soon.
func (r *reader) readReceiptsFrom(ctx context.Context, all receipts, from time.Time, enough func() bool) (ended bool) {
	parts := []stretch{{from: place{time: from}}}
	if !from.IsZero() {
		soon, later := from.Add(bridge.MostSkew+bridge.MostLate), from.Add(receiptsLater)
		parts = []stretch{between(from, soon), between(soon, later), {from: place{time: later}}}
	}
	var mu sync.Mutex
	for _, in := range parts {
		if enough() {
			return false
		}
		in.from.subjects = []string{"receipt.*.*." + part(r.eventID)}
		_, err := r.find(ctx, all.stream, in, headersOnly, func(msg *nats.Msg) bool {
			if msg.Header.Get("Makebridge-Event-Id") == r.eventID {
				mu.Lock()
				defer mu.Unlock()
				all.add(msg.Subject, msg.Header)
			}
			return true
		})
		if err != nil {
			r.unknown("what happened when: %v", explain(err, "read receipts", "$JS.API.CONSUMER.CREATE."+r.Receipts+".>"))
			return true
		}
	}
	return true
}

// toldEverywhere reports whether every route that takes the event, or has taken
// it, has told how it was settled: no more receipts will come of it.
func (r *reader) toldEverywhere(all receipts, id identity) bool {
	p := Publish{Sequence: id.sequence, PublishedAt: time.Unix(0, id.published)}
	for _, at := range r.positions {
		if at.takes(all.subjects[id]) && at.beginsAfter(p) == "" && !settles(all.steps[id][at.route]) {
			return false
		}
	}
	for _, steps := range all.steps[id] {
		if !settles(steps) {
			return false
		}
	}
	return true
}

// settles reports whether the last of a route's receipts is its last altogether.
func settles(steps []Step) bool {
	return len(steps) > 0 && steps[len(steps)-1].Outcome != bridge.Retried.String()
}

// part is which of 256 parts the receipts of an event are in.
func part(eventID string) string {
	sum := sha256.Sum256([]byte(eventID))
	return hex.EncodeToString(sum[:1])
}

// add notes one receipt. One that was stored twice is noted once.
func (all receipts) add(subject string, h nats.Header) {
	id := identityOf(number[uint64](h, "Sequence"), timeIn(h, "Published-At"))
	tokens := strings.Split(subject, ".")
	if len(tokens) != 4 {
		return
	}
	route, outcome := tokens[1], tokens[2]
	step := Step{
		At: timeIn(h, "Settled-At"), Outcome: outcome, Status: number[int](h, "Status"), Attempts: number[int](h, "Attempts"),
		DurationMS: number[int64](h, "Duration-Ms"), Delivery: number[int](h, "Delivery"), Replica: h.Get("Makebridge-Replica"),
		DelayMS: number[int64](h, "Delay-Ms"), Reason: h.Get("Makebridge-Reason"), Error: h.Get("Makebridge-Error"),
	}
	all.subjects[id] = h.Get("Makebridge-Subject")
	if all.steps[id] == nil {
		all.steps[id] = map[string][]Step{}
	}
	steps := all.steps[id][route]
	if slices.Contains(steps, step) {
		return
	}
	steps = append(steps, step)
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Delivery, b.Delivery))
	})
	all.steps[id][route] = steps
}

// number reads a header; one that is missing or not a number is 0.
func number[T int | int64 | uint64](h nats.Header, name string) T {
	n, err := strconv.ParseUint(h.Get("Makebridge-"+name), 10, 63)
	if err != nil {
		return 0
	}
	return T(n)
}

// timeIn reads a header; one that is missing or not a time is zero.
func timeIn(h nats.Header, name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, h.Get("Makebridge-"+name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// explain says what was attempted, and what an operator can do about it.
func explain(err error, attempt, subject string) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("%s: no answer from JetStream: is it enabled for this account, and may this user publish to %s?", attempt, subject)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}
