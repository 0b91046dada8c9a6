package trace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/subjects"
)

// position is how far the consumer of a route has got.
type position struct {
	route   string
	filters []string
	// It has handed out everything up to delivered, and is done with everything
	// up to floor.
	delivered, floor uint64
	// unsettled is how many it is not done with.
	unsettled uint64
	// It began here, where it did not begin with all events.
	fromSequence uint64
	fromTime     time.Time
	// Somebody has paused it until then.
	pausedUntil time.Time
}

// readPositions lists the consumers that makebridge has made.
func readPositions(ctx context.Context, s jetstream.Stream) ([]position, error) {
	list := s.ListConsumers(ctx)
	var all []position
	for info := range list.Info() {
		if info.Config.Metadata["app"] == "makebridge" && info.Config.Durable != "" {
			all = append(all, newPosition(info))
		}
	}
	slices.SortFunc(all, func(a, b position) int { return strings.Compare(a.route, b.route) })
	return all, list.Err()
}

func newPosition(info *jetstream.ConsumerInfo) position {
	c := info.Config
	p := position{route: info.Name, filters: c.FilterSubjects, delivered: info.Delivered.Stream, floor: info.AckFloor.Stream}
	p.unsettled = info.NumPending + uint64(max(0, info.NumAckPending))
	if c.FilterSubject != "" {
		p.filters = []string{c.FilterSubject}
	}
	if info.Paused && c.PauseUntil != nil {
		p.pausedUntil = *c.PauseUntil
	}
	if info.NumAckPending == 0 {
		p.floor = p.delivered
	}
	switch {
	case c.DeliverPolicy == jetstream.DeliverNewPolicy:
		p.fromTime = info.Created
	case c.OptStartTime != nil:
		p.fromTime = *c.OptStartTime
	case c.OptStartSeq > 0:
		p.fromSequence = c.OptStartSeq
	}
	return p
}

// takes reports whether the route's consumer takes a subject.
func (p position) takes(subject string) bool {
	return slices.ContainsFunc(p.filters, func(f string) bool { return subjects.Covers(f, subject) })
}

// beginsAfter says where the consumer begins, if that is after an event.
func (p position) beginsAfter(e Publish) string {
	switch {
	case p.fromSequence > e.Sequence:
		return fmt.Sprintf("sequence %d", p.fromSequence)
	case p.fromTime.After(e.PublishedAt):
		return p.fromTime.UTC().Format(time.RFC3339)
	}
	return ""
}
