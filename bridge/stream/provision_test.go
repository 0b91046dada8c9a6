package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestProvisionCreatesWhatTheContractSays(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.run(testSettings(), accept, testRoute(t, "payments", 1))
	events, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	c := events.CachedInfo().Config
	slices.Sort(c.Subjects)
	if diff := cmp.Diff([]string{"appointments.>", "payments.>", "redeliver.>"}, c.Subjects); diff != "" {
		t.Error(diff)
	}
	if c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.Duplicates != 10*time.Minute ||
		c.MaxAge != 720*time.Hour || c.MaxBytes > 0 || c.MaxMsgs > 0 {
		t.Errorf("EVENTS %+v", c)
	}
	dlq, err := b.client().Stream(t.Context(), "EVENTS_DLQ")
	if err != nil {
		t.Fatal(err)
	}
	if c := dlq.CachedInfo().Config; c.Duplicates != 24*time.Hour || c.MaxAge != 0 || !slices.Equal(c.Subjects, []string{"dlq.>"}) {
		t.Errorf("EVENTS_DLQ %+v", c)
	}
	p := b.consumer("payments").Config
	if p.Durable != "payments" || p.AckPolicy != jetstream.AckExplicitPolicy || p.DeliverPolicy != jetstream.DeliverAllPolicy ||
		p.MaxDeliver > 0 || len(p.BackOff) > 0 || p.MaxAckPending != 20000 || p.AckWait != 30*time.Second ||
		!slices.Equal(p.FilterSubjects, []string{"payments.>", "redeliver.payments.>"}) ||
		p.Metadata["app"] != "makebridge" || p.Metadata["makebridge_version"] != "test" {
		t.Errorf("consumer %+v", p)
	}
}

func TestProvisionExtendsAndLeavesTheRestAlone(t *testing.T) {
	b := newBed(t, embedded.Config{})
	have := jetstream.StreamConfig{
		Name: "EVENTS", Description: "ours", Subjects: []string{"payments.success", "other.>"},
		MaxAge: 48 * time.Hour, MaxMsgsPerSubject: 1000, Duplicates: time.Minute,
	}
	if _, err := b.client().CreateStream(t.Context(), have); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client().CreateConsumer(t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "payments", FilterSubject: "payments.success", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 5,
		AckWait: time.Minute, BackOff: []time.Duration{time.Second, time.Minute}, Description: "ours", Metadata: map[string]string{"team": "x"},
	}); err != nil {
		t.Fatal(err)
	}
	b.run(testSettings(), accept, testRoute(t, "payments", 1))
	s, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	slices.Sort(c.Subjects)
	if diff := cmp.Diff([]string{"appointments.>", "other.>", "payments.>", "redeliver.>"}, c.Subjects); diff != "" {
		t.Error(diff)
	}
	if c.Description != "ours" || c.MaxAge != 48*time.Hour || c.MaxMsgsPerSubject != 1000 || c.Duplicates != time.Minute {
		t.Errorf("the stream was changed: %+v", c)
	}
	p := b.consumer("payments").Config
	if p.MaxDeliver > 0 || len(p.BackOff) > 0 || p.AckWait != 30*time.Second || p.Description != "ours" || p.Metadata["team"] != "x" ||
		!slices.Equal(p.FilterSubjects, []string{"payments.>", "redeliver.payments.>"}) {
		t.Errorf("consumer %+v", p)
	}
}

func TestWhatCannotBeReconciledIsOneClearError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream   jetstream.StreamConfig
		consumer *jetstream.ConsumerConfig
		want     string
	}{
		"retention": {
			stream: jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}, Retention: jetstream.WorkQueuePolicy},
			want:   "stream EVENTS has workqueue retention, needs limits",
		},
		"mirror": {
			stream: jetstream.StreamConfig{Name: "EVENTS", Mirror: &jetstream.StreamSource{Name: "OTHER"}},
			want:   "stream EVENTS is a mirror of OTHER",
		},
		"subject held by another stream": {
			stream: jetstream.StreamConfig{Name: "LEGACY", Subjects: []string{"payments.success"}},
			want:   "stream LEGACY holds subjects of payments.>",
		},
		"push consumer": {
			stream:   jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}},
			consumer: &jetstream.ConsumerConfig{Durable: "payments", DeliverSubject: "push.here", AckPolicy: jetstream.AckExplicitPolicy},
			want:     "consumer payments is a push consumer",
		},
		"another program's": {
			stream: jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}},
			consumer: &jetstream.ConsumerConfig{
				Durable: "payments", FilterSubject: "payments.success", AckPolicy: jetstream.AckExplicitPolicy, Metadata: map[string]string{"app": "ledger"},
			},
			want: "consumer payments is another program's",
		},
		"ack policy": {
			stream:   jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}},
			consumer: &jetstream.ConsumerConfig{Durable: "payments", AckPolicy: jetstream.AckNonePolicy},
			want:     "consumer payments does not have ack policy explicit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, embedded.Config{})
			if tt.stream.Mirror != nil {
				if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.client().CreateStream(t.Context(), tt.stream); err != nil {
				t.Fatal(err)
			}
			if c := tt.consumer; c != nil {
				create(t, b, *c)
			}
			r := b.runUnbound(b.dial(), testSettings(), accept, testRoute(t, "payments", 1))
			eventually(t, "the error", func() bool { return strings.Contains(b.logs.String(), "cannot consume yet") })
			if got := r.Unready()["payments"]; !strings.Contains(got, tt.want) {
				t.Errorf("unready because %q, want %q", got, tt.want)
			}
			if !strings.Contains(b.logs.String(), tt.want) {
				t.Errorf("logged %s", b.logs)
			}
			// Somebody mends it: the bridge finds out by itself.
			if err := b.client().DeleteStream(t.Context(), tt.stream.Name); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the route to be bound", func() bool { return len(r.Unready()) == 0 })
			if n := strings.Count(b.logs.String(), "cannot consume yet"); n != 1 {
				t.Errorf("logged %d times", n)
			}
		})
	}
}

// create makes a consumer of any kind, push consumers included.
func create(t *testing.T, b *bed, c jetstream.ConsumerConfig) {
	t.Helper()
	if c.DeliverSubject == "" {
		if _, err := b.client().CreateConsumer(t.Context(), "EVENTS", c); err != nil {
			t.Fatal(err)
		}
		return
	}
	js, err := b.client().Conn().JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddConsumer("EVENTS", &nats.ConsumerConfig{Durable: c.Durable, DeliverSubject: c.DeliverSubject, AckPolicy: nats.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutProvisionNothingIsChanged(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.Provision = false
	r := b.runUnbound(b.dial(), settings, accept, testRoute(t, "payments", 1))
	says := func(want ...string) {
		t.Helper()
		eventually(t, strings.Join(want, ", "), func() bool {
			for _, w := range want {
				if !strings.Contains(r.Unready()["payments"], w) {
					return false
				}
			}
			return true
		})
	}
	says("stream EVENTS does not exist (BRIDGE_PROVISION is false)", "stream EVENTS_DLQ does not exist")
	ctx := t.Context()
	if _, err := b.client().CreateStream(ctx, wantLetters(settings)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client().CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	says("stream EVENTS lacks subjects appointments.>, redeliver.>")
	if _, err := b.client().UpdateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{">"}, NoAck: true}); err == nil {
		t.Fatal("a stream of everything is not allowed to exist beside JetStream's API")
	}
	if _, err := b.client().UpdateStream(ctx, wantEvents(settings)); err != nil {
		t.Fatal(err)
	}
	says("consumer payments does not exist (BRIDGE_PROVISION is false)")
	consumer := wantConsumer(settings, testRoute(t, "payments", 1))
	consumer.MaxDeliver = 3
	if _, err := b.client().CreateConsumer(ctx, "EVENTS", consumer); err != nil {
		t.Fatal(err)
	}
	says("consumer payments differs", "max deliver 3")
	consumer.MaxDeliver, consumer.AckWait = -1, 45*time.Second // its own ack wait is taken as it is
	if _, err := b.client().UpdateConsumer(ctx, "EVENTS", consumer); err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "1")
	eventually(t, "delivery", func() bool { return len(r.Unready()) == 0 && r.count(bridge.Delivered) == 1 })
	if got := b.consumer("payments").Config.AckWait; got != 45*time.Second {
		t.Errorf("ack wait %s was changed", got)
	}
}

// TestConsumerWithLimitsOnPullRequests: with those the server would turn down whatever
// the bridge asks for, or never answer it.
func TestConsumerWithLimitsOnPullRequests(t *testing.T) {
	t.Parallel()
	route := testRoute(t, "payments", 4)
	prioritized := func(c *jetstream.ConsumerConfig, p jetstream.PriorityPolicy) {
		c.PriorityPolicy, c.PriorityGroups = p, []string{"a", "b"}
	}
	for name, tt := range map[string]struct {
		limit func(c *jetstream.ConsumerConfig)
		want  string // what is changed; "" where the limit may stay
	}{
		"expires":      {func(c *jetstream.ConsumerConfig) { c.MaxRequestExpires = 59 * time.Second }, "max expires 59s → unlimited"},
		"long expires": {func(c *jetstream.ConsumerConfig) { c.MaxRequestExpires = 60 * time.Second }, ""},
		"batch":        {func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = 1 }, "max batch 1 → unlimited"},
		"large batch":  {func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = mostAsked(route) }, ""},
		"bytes":        {func(c *jetstream.ConsumerConfig) { c.MaxRequestMaxBytes = 1 }, ""},
		"overflow": {func(c *jetstream.ConsumerConfig) { prioritized(c, jetstream.PriorityPolicyOverflow) },
			"priority groups a,b → none"},
		"pinned": {func(c *jetstream.ConsumerConfig) {
			prioritized(c, jetstream.PriorityPolicyPinned)
			c.PinnedTTL = time.Minute
		}, "priority groups a,b → none"},
		"prioritized": {func(c *jetstream.ConsumerConfig) { prioritized(c, jetstream.PriorityPolicyPrioritized) },
			"priority groups a,b → none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, embedded.Config{})
			settings := testSettings()
			if err := NewProvisioner(b.client(), settings).Streams(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := wantConsumer(settings, route)
			tt.limit(&c)
			create(t, b, c)
			action, vital, blocked := ActionUpdate, tt.want, "consumer payments differs (BRIDGE_PROVISION is false): "+tt.want
			if tt.want == "" {
				action, blocked = ActionNone, ""
			}
			got := plan(t, b.client(), settings, route)[2]
			if got.Action != action || got.Vital != (tt.want != "") || strings.Join(got.Differences, "; ") != vital {
				t.Errorf("plan %+v, want %s: %q", got, action, vital)
			}
			settings.Provision = false
			if got := plan(t, b.client(), settings, route)[2]; blocked != "" && (got.Err == nil || got.Err.Error() != blocked) {
				t.Errorf("without provisioning: %v, want %s", got.Err, blocked)
			}
			r := b.run(testSettings(), accept, route)
			for range 3 * mostAhead { // so that many are asked for at a time
				b.publish("payments.success", "1")
			}
			b.settled("payments")
			eventually(t, "the observer to be told of all", func() bool { return r.count(bridge.Delivered) == 3*mostAhead })
			if strings.Contains(b.logs.String(), "pull request refused") {
				t.Error(b.logs.String())
			}
		})
	}
}

func TestStart(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	if err := NewProvisioner(b.client(), settings).Streams(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "old")
	at := time.Now()
	b.publish("payments.success", "young")
	routes := map[string]bridge.Start{"all": {}, "new": {New: true}, "at": {At: at}}
	for name, start := range routes {
		route := testRoute(t, name, 1)
		route.Subjects, route.Start = []string{"payments.>"}, start
		if _, err := NewProvisioner(b.client(), settings).Consumer(t.Context(), route); err != nil {
			t.Fatal(err)
		}
	}
	b.publish("payments.success", "new")
	for name, want := range map[string]uint64{"all": 3, "new": 1, "at": 2} {
		// The server counts a moment after it has acknowledged the event.
		eventually(t, fmt.Sprintf("%s: %d pending", name, want), func() bool { return b.consumer(name).NumPending == want })
	}
}
