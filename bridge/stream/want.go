package stream

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// wantEvents is the stream of events as the bridge creates it.
func wantEvents(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        s.Stream,
		Description: "domain events, delivered to make.com by makebridge",
		Subjects:    subjects.Minimal(append(slices.Clone(s.Subjects), redeliverPrefix+">")),
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    s.Replicas,
		MaxAge:      s.MaxAge,
		Duplicates:  window(duplicateWindow, s.MaxAge),
		AllowDirect: true,
	}
}

// wantLetters is the stream of dead letters as the bridge creates it.
func wantLetters(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        s.DLQ,
		Description: "events that makebridge could not deliver, each with its reason",
		Subjects:    []string{dlqPrefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    s.Replicas,
		MaxAge:      s.DLQMaxAge,
		Duplicates:  window(dlqDuplicateWindow, s.DLQMaxAge),
		AllowDirect: true,
	}
}

// window is a duplicate window that the server accepts beside a MaxAge.
func window(d, maxAge time.Duration) time.Duration {
	if maxAge > 0 {
		return min(d, maxAge)
	}
	return d
}

// irreconcilable says why a stream that exists cannot be used, if so.
func irreconcilable(have, want jetstream.StreamConfig) error {
	switch {
	case have.Mirror != nil:
		return fmt.Errorf("stream %s is a mirror of %s: nothing can be published to it; name another stream", have.Name, have.Mirror.Name)
	case have.Sealed:
		return fmt.Errorf("stream %s is sealed: nothing can be published to it; name another stream", have.Name)
	case have.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("stream %s has %s retention, needs %s: a stream's retention cannot be changed to that; name another stream",
			have.Name, strings.ToLower(have.Retention.String()), strings.ToLower(jetstream.LimitsPolicy.String()))
	}
	if h, w, found := crossing(have.Subjects, want.Subjects); found {
		return fmt.Errorf("stream %s holds %s, which crosses %s: no stream can have both; change one of them", have.Name, h, w)
	}
	return nil
}

// crossing says which subject that a stream has cannot be held beside one that
// it needs.
func crossing(have, want []string) (h, w string, found bool) {
	for _, h := range have {
		for _, w := range want {
			if subjects.Crossing(h, w) {
				return h, w, true
			}
		}
	}
	return "", "", false
}

// extend returns which of the wanted subjects a stream lacks, and the subjects
// it needs to hold both what it has and what is wanted.
func extend(have, want []string) (missing, all []string) {
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return subjects.Covers(h, w) }) {
			missing = append(missing, w)
		}
	}
	return missing, subjects.Minimal(append(slices.Clone(have), want...))
}

// wantConsumer is a route's consumer as the bridge creates it.
func wantConsumer(s Settings, r *bridge.Route) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable:        r.Name,
		Description:    "makebridge route " + r.Name,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        s.AckWait,
		MaxDeliver:     -1,
		FilterSubjects: filters(r),
		MaxAckPending:  maxAckPending,
		Metadata:       map[string]string{"app": "makebridge", "makebridge_version": s.Version},
	}
	switch {
	case r.Start.New:
		c.DeliverPolicy = jetstream.DeliverNewPolicy
	case !r.Start.At.IsZero():
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &r.Start.At
	}
	return c
}

// changes are what a consumer lacks, in words: without the vital ones it would
// lose or misdeliver events, the others are better made.
type changes struct{ vital, minor []string }

func (c changes) all() []string { return append(slices.Clone(c.vital), c.minor...) }

// reconcile returns the consumer that exists with what must change, and the
// changes, where one pull request asks for so many events at most. What a
// consumer has beyond that is left alone; where it began is history.
func reconcile(have, want jetstream.ConsumerConfig, most int) (merged jetstream.ConsumerConfig, c changes, err error) {
	if have.AckPolicy != jetstream.AckExplicitPolicy {
		return have, c, fmt.Errorf("consumer %s does not have ack policy explicit, and that cannot be changed: delete it or rename the route", want.Durable)
	}
	merged = have
	if f := filtersOf(have); !sameSet(f, want.FilterSubjects) {
		c.vital = append(c.vital, fmt.Sprintf("filter subjects %s → %s", strings.Join(f, ","), strings.Join(want.FilterSubjects, ",")))
		merged.FilterSubject, merged.FilterSubjects = "", want.FilterSubjects
	}
	if have.MaxDeliver > 0 {
		c.vital = append(c.vital, fmt.Sprintf("max deliver %d → unlimited", have.MaxDeliver))
		merged.MaxDeliver = want.MaxDeliver
	}
	if len(have.BackOff) > 0 {
		c.vital = append(c.vital, fmt.Sprintf("backoff %v → none", have.BackOff))
		merged.BackOff = nil
	}
	if have.HeadersOnly {
		c.vital = append(c.vital, "headers only → whole events")
		merged.HeadersOnly = false
	}
	c.vital = append(c.vital, unlimit(&merged, most)...)
	if have.InactiveThreshold > 0 {
		// The server would delete it while no bridge runs, and with it the
		// place that the route has got to.
		c.minor = append(c.minor, fmt.Sprintf("inactive threshold %s → none", have.InactiveThreshold))
		merged.InactiveThreshold = 0
	}
	if have.AckWait != want.AckWait {
		c.minor = append(c.minor, fmt.Sprintf("ack wait %s → %s", have.AckWait, want.AckWait))
		merged.AckWait = want.AckWait
	}
	if have.MaxAckPending != want.MaxAckPending {
		c.minor = append(c.minor, fmt.Sprintf("max ack pending %d → %d", have.MaxAckPending, want.MaxAckPending))
		merged.MaxAckPending = want.MaxAckPending
	}
	merged.Metadata = map[string]string{}
	maps.Copy(merged.Metadata, have.Metadata)
	maps.Copy(merged.Metadata, want.Metadata)
	if !maps.Equal(merged.Metadata, have.Metadata) {
		c.minor = append(c.minor, "metadata")
	}
	return merged, c, nil
}

// unlimit takes from a consumer what would have the server turn down pull requests,
// or never answer them, and returns that in words. A limit of bytes is no such thing:
// the bridge asks for any number of them.
func unlimit(c *jetstream.ConsumerConfig, most int) (limits []string) {
	if m := c.MaxRequestExpires; m > 0 && m < pullExpiry {
		limits = append(limits, fmt.Sprintf("max expires %s → unlimited", m))
		c.MaxRequestExpires = 0
	}
	if m := c.MaxRequestBatch; m > 0 && m < most {
		limits = append(limits, fmt.Sprintf("max batch %d → unlimited", m))
		c.MaxRequestBatch = 0
	}
	if c.PriorityPolicy != jetstream.PriorityPolicyNone {
		limits = append(limits, "priority groups "+strings.Join(c.PriorityGroups, ",")+" → none")
		c.PriorityPolicy, c.PriorityGroups, c.PinnedTTL = jetstream.PriorityPolicyNone, nil, 0
	}
	return limits
}

func filtersOf(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
