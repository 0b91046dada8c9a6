package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func receiptSettings() Settings {
	s := testSettings()
	s.Receipts, s.ReceiptsMaxAge = "EVENTS_RECEIPTS", 168*time.Hour
	return s
}

func TestStreamOfReceiptsIsCreated(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.run(receiptSettings(), accept, testRoute(t, "payments", 1))
	eventually(t, "the stream", func() bool {
		s, err := b.client().Stream(t.Context(), "EVENTS_RECEIPTS")
		if err != nil {
			return false
		}
		c := s.CachedInfo().Config
		if c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.MaxAge != 168*time.Hour ||
			!c.AllowDirect || !slices.Equal(c.Subjects, []string{"receipt.>"}) || c.PersistMode != jetstream.AsyncPersistMode {
			t.Errorf("EVENTS_RECEIPTS %+v", c)
		}
		return true
	})
}

// TestReplicatedReceiptsArePersistedAsUsual: the server allows nothing else.
func TestReplicatedReceiptsArePersistedAsUsual(t *testing.T) {
	s := receiptSettings()
	s.Replicas = 3
	if c := wantReceipts(s); c.PersistMode != jetstream.DefaultPersistMode {
		t.Errorf("persist mode %s", c.PersistMode)
	}
}

func TestNoStreamOfReceiptsWithoutReceipts(t *testing.T) {
	b := newBed(t, embedded.Config{})
	r := b.run(testSettings(), accept, testRoute(t, "payments", 1))
	if err := NewProvisioner(b.client(), testSettings()).Receipts(t.Context()); err != nil {
		t.Error(err)
	}
	r.stop()
	for name := range b.client().StreamNames(t.Context()).Name() {
		if strings.Contains(name, "RECEIPTS") {
			t.Errorf("stream %s was created", name)
		}
	}
}

// TestTroubleWithReceiptsKeepsNoRouteFromItsEvents has the stream refused in
// every way there is.
func TestTroubleWithReceiptsKeepsNoRouteFromItsEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream *jetstream.StreamConfig
		change func(*Settings)
		config string
		want   string
	}{
		"subject held by another stream": {
			stream: &jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"receipt.>"}},
			want:   "stream AUDIT holds subjects of receipt.>; remove them from AUDIT or set BRIDGE_RECEIPTS=off",
		},
		"another retention": {
			stream: &jetstream.StreamConfig{Name: "EVENTS_RECEIPTS", Subjects: []string{"receipt.>"}, Retention: jetstream.WorkQueuePolicy},
			want:   "stream EVENTS_RECEIPTS has workqueue retention",
		},
		"no permission": {
			config: fmt.Sprintf(accounts, leastPermissions),
			want:   "may this user publish to $JS.API.STREAM.INFO.EVENTS_RECEIPTS?",
		},
		"no provisioning": {
			change: func(s *Settings) { s.Provision = false },
			want:   "stream EVENTS_RECEIPTS does not exist (BRIDGE_PROVISION is false)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, config, as, with := receiptSettings(), embedded.Config{}, []nats.Option(nil), []nats.Option(nil)
			if tt.config != "" {
				config.ConfigFile = writeFile(t, tt.config)
				as = []nats.Option{nats.UserInfo("services", "secret")}
				with = []nats.Option{nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")}
			}
			b := newBed(t, config)
			b.js = b.dial(as...)
			before := testSettings()
			if err := NewProvisioner(b.client(), before).Streams(t.Context()); err != nil {
				t.Fatal(err)
			}
			route := testRoute(t, "payments", 1)
			if _, err := NewProvisioner(b.client(), before).Consumer(t.Context(), route); err != nil {
				t.Fatal(err)
			}
			if tt.stream != nil {
				if _, err := b.client().CreateStream(t.Context(), *tt.stream); err != nil {
					t.Fatal(err)
				}
			}
			b.createBucket()
			if tt.change != nil {
				tt.change(&settings)
			}
			r := b.runUnbound(b.dial(with...), settings, accept, route)
			b.publish("payments.success", "1")
			eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == 1 })
			eventually(t, "the warning", func() bool { return strings.Contains(b.logs.String(), "receipts cannot be kept") })
			if len(r.Unready()) > 0 {
				t.Errorf("unready: %v", r.Unready())
			}
			if tt.config == "" { // without permission each look takes seconds
				r.seeTo(t.Context(), r.provisioner.Receipts, receiptsTrouble, r.provisioner.Receipts(t.Context()).Error()) // the same trouble again
			}
			if got := b.logs.String(); strings.Count(got, "receipts cannot be kept") != 1 || !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), tt.want) {
				t.Errorf("logged %s", got)
			}
		})
	}
}

func TestPlanTellsOfReceiptsAsOptional(t *testing.T) {
	b := newBed(t, embedded.Config{})
	if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS_RECEIPTS", MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	changes, err := NewProvisioner(b.client(), receiptSettings()).Plan(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 3 || changes[0].Optional || changes[1].Optional || !changes[2].Optional {
		t.Fatalf("changes %+v", changes)
	}
	c := changes[2]
	if c.Name != "EVENTS_RECEIPTS" || c.Action != ActionUpdate || !slices.Equal(c.Differences, []string{"add subjects receipt.>"}) {
		t.Errorf("change %+v", c)
	}
	if len(c.Dangers) > 0 {
		t.Errorf("a bound on receipts is nobody's danger: %v", c.Dangers)
	}
}
