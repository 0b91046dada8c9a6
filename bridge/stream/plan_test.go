package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// told is a plan as a test reads it: one line a change.
func told(changes []Change) []string {
	var lines []string
	for _, c := range changes {
		line := fmt.Sprintf("%s %s: %s", c.Kind, c.Name, c.Action)
		if c.Vital {
			line += ", vital"
		}
		if len(c.Differences) > 0 {
			line += ": " + strings.Join(c.Differences, "; ")
		}
		if c.Err != nil {
			line += ": " + c.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}

func plan(t *testing.T, js jetstream.JetStream, s Settings, routes ...*bridge.Route) []Change {
	t.Helper()
	changes, err := NewProvisioner(js, s).Plan(t.Context(), routes)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// provision does what a bridge does at its start.
func provision(t *testing.T, js jetstream.JetStream, s Settings, routes ...*bridge.Route) {
	t.Helper()
	p := NewProvisioner(js, s)
	if err := p.Streams(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if _, err := p.Consumer(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanSaysWhatIsMissingAndChangesNothing(t *testing.T) {
	b := newBed(t, embedded.Config{})
	payments, appointments := testRoute(t, "payments", 1), testRoute(t, "appointments", 1)
	appointments.Start = bridge.Start{New: true}
	want := []string{
		"stream EVENTS: create, vital: subjects payments.>, appointments.>, redeliver.>; max age 720h0m0s; replicas 1",
		"stream EVENTS_DLQ: create, vital: subjects dlq.>; replicas 1",
		"consumer payments: create, vital: filter subjects payments.>, redeliver.payments.>; from the oldest event on",
		"consumer appointments: create, vital: filter subjects appointments.>, redeliver.appointments.>; from new events on",
	}
	for range 2 { // the second look finds what the first did
		if diff := cmp.Diff(want, told(plan(t, b.client(), testSettings(), payments, appointments))); diff != "" {
			t.Fatal(diff)
		}
	}
	if _, err := b.client().Stream(t.Context(), "EVENTS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("after planning: %v", err)
	}
	provision(t, b.client(), testSettings(), payments, appointments)
	for _, c := range plan(t, b.client(), testSettings(), payments, appointments) {
		if c.Action != ActionNone || len(c.Differences) > 0 || len(c.Dangers) > 0 {
			t.Errorf("after provisioning there is more to do: %+v", c)
		}
	}
}

func TestPlanSaysWhatDiffers(t *testing.T) {
	b := newBed(t, embedded.Config{})
	if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"payments.success"}, MaxAge: 48 * time.Hour,
	}); err != nil {
		t.Fatal(err)
	}
	create(t, b, jetstream.ConsumerConfig{
		Durable: "payments", FilterSubject: "payments.success", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 5,
		BackOff: []time.Duration{time.Second, time.Minute}, HeadersOnly: true, InactiveThreshold: time.Hour,
		MaxAckPending: 20000, Metadata: wantConsumer(testSettings(), testRoute(t, "payments", 1)).Metadata,
	})
	want := []string{
		"stream EVENTS: update, vital: add subjects payments.>, appointments.>, redeliver.>",
		"stream EVENTS_DLQ: create, vital: subjects dlq.>; replicas 1",
		"consumer payments: update, vital: filter subjects payments.success → payments.>,redeliver.payments.>; " +
			"max deliver 5 → unlimited; backoff [1s 1m0s] → none; headers only → whole events; " +
			"inactive threshold 1h0m0s → none; ack wait 1s → 30s",
	}
	changes := plan(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	if diff := cmp.Diff(want, told(changes)); diff != "" {
		t.Error(diff)
	}
	if changes[0].MaxAge != 48*time.Hour {
		t.Errorf("max age %s, want the stream's own", changes[0].MaxAge)
	}
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	c := b.consumer("payments").Config
	if c.HeadersOnly || c.InactiveThreshold != 0 || c.MaxDeliver > 0 || len(c.BackOff) > 0 {
		t.Errorf("after provisioning: %+v", c)
	}
}

func TestPlanWithoutProvisionBlocksWhatIsVitalOnly(t *testing.T) {
	b := newBed(t, embedded.Config{})
	provision(t, b.client(), testSettings(), testRoute(t, "payments", 1))
	s := testSettings()
	s.Provision, s.AckWait, s.Subjects = false, time.Minute, append(s.Subjects, "errors.>")
	want := []string{
		"stream EVENTS: blocked, vital: add subjects errors.>: stream EVENTS lacks subjects errors.> (BRIDGE_PROVISION is false): " +
			"nats stream edit EVENTS --subjects=payments.>,appointments.>,redeliver.>,errors.>",
		"stream EVENTS_DLQ: none",
		"consumer payments: none: ack wait 30s → 1m0s",
		"consumer errors: blocked, vital: filter subjects errors.>, redeliver.errors.>; from the oldest event on: " +
			"consumer errors does not exist (BRIDGE_PROVISION is false): create it with filter subjects errors.>, redeliver.errors.>",
	}
	if diff := cmp.Diff(want, told(plan(t, b.client(), s, testRoute(t, "payments", 1), testRoute(t, "errors", 1)))); diff != "" {
		t.Error(diff)
	}
}

func TestPlanForeseesWhatTheServerWouldRefuse(t *testing.T) {
	b := newBed(t, embedded.Config{})
	for name, subject := range map[string]string{"LEGACY": "payments.success", "LETTERS": "dlq.a"} {
		if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}}); err != nil {
			t.Fatal(err)
		}
	}
	refused := NewProvisioner(b.client(), testSettings()).Streams(t.Context())
	for i, want := range []string{
		"stream LEGACY holds subjects of payments.>; remove them from LEGACY or set BRIDGE_STREAM=LEGACY",
		"stream LETTERS holds subjects of dlq.>; remove them from LETTERS or set BRIDGE_DLQ_STREAM=LETTERS",
	} {
		if got := plan(t, b.client(), testSettings())[i]; got.Action != ActionBlocked || got.Err.Error() != want {
			t.Errorf("%s: %v, want %s", got.Action, got.Err, want)
		}
		if refused == nil || !strings.Contains(refused.Error(), want) {
			t.Errorf("the server's refusal: %v, want %s", refused, want)
		}
	}
}

func TestPlanFindsSubjectsThatCross(t *testing.T) {
	b := newBed(t, embedded.Config{})
	if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.success.*"}}); err != nil {
		t.Fatal(err)
	}
	s := testSettings()
	s.Subjects = []string{"payments.*.eu"}
	const want = "stream EVENTS holds payments.success.*, which crosses payments.*.eu: no stream can have both; change one of them"
	if got := plan(t, b.client(), s)[0]; got.Action != ActionBlocked || got.Err.Error() != want {
		t.Errorf("%s: %v, want %s", got.Action, got.Err, want)
	}
}

func TestPlanNamesDangers(t *testing.T) {
	b := newBed(t, embedded.Config{})
	s := testSettings()
	c := wantEvents(s)
	c.MaxMsgs, c.MaxBytes, c.MaxMsgsPerSubject, c.MaxMsgSize = 1000, 1<<20, 10, 1<<16
	c.NoAck, c.Storage, c.Duplicates = true, jetstream.MemoryStorage, time.Minute
	if _, err := b.client().CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	dlq := wantLetters(s)
	dlq.MaxMsgs, dlq.Discard = 5, jetstream.DiscardNew
	if _, err := b.client().CreateStream(t.Context(), dlq); err != nil {
		t.Fatal(err)
	}
	provision(t, b.client(), s, testRoute(t, "payments", 1))
	paused, err := b.client().PauseConsumer(t.Context(), "EVENTS", "payments", time.Now().Add(time.Hour))
	if err != nil || !paused.Paused {
		t.Fatalf("pause: %+v, %v", paused, err)
	}
	changes := plan(t, b.client(), s, testRoute(t, "payments", 1))
	want := []string{
		"max messages 1000: what is oldest is dropped when it is full",
		"max bytes 1048576: what is oldest is dropped when it is full",
		"max messages per subject 10: the oldest of a subject is dropped",
		"max message size 65536: larger ones are refused",
		"no acknowledgements: a publisher cannot know what is stored",
		"memory storage: a restart of the server loses everything",
		"duplicate window 1m0s: what is published again after that is stored twice; 10m0s is better",
	}
	if diff := cmp.Diff(want, changes[0].Dangers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"max messages 5: publishing is refused when it is full"}, changes[1].Dangers); diff != "" {
		t.Error(diff)
	}
	if got := changes[2].Dangers; len(got) != 1 || !strings.HasPrefix(got[0], "is paused for ") {
		t.Errorf("dangers of the consumer: %q", got)
	}
}

func TestPlanNamesThePermissionThatIsMissing(t *testing.T) {
	t.Parallel()
	without := strings.Replace(leastPermissions, `"$JS.API.CONSUMER.INFO.EVENTS.*", `, "", 1)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, without))})
	js := b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge"))
	changes, err := NewProvisioner(js, testSettings()).Plan(t.Context(), []*bridge.Route{testRoute(t, "payments", 1)})
	if err == nil || !strings.Contains(err.Error(), "may this user publish to $JS.API.CONSUMER.INFO.EVENTS.payments?") {
		t.Errorf("error %v", err)
	}
	// The streams are planned although this user may not list streams.
	if len(changes) != 2 || changes[0].Action != ActionCreate || changes[1].Action != ActionCreate {
		t.Errorf("changes %+v", changes)
	}
}
