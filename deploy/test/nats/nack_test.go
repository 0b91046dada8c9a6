package nats

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"sigs.k8s.io/yaml"

	"github.com/makebridge/makebridge/subjects"
)

// manifest is what of NACK's types (jetstream.nats.io/v1beta2) the manifests
// use; where a field is left out, NACK's own definitions say -1 or nothing.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Description   string            `json:"description"`
		Replicas      int               `json:"replicas"`
		Metadata      map[string]string `json:"metadata"`
		PreventDelete bool              `json:"preventDelete"`
		Storage       string            `json:"storage"`

		Name            string   `json:"name"`
		Subjects        []string `json:"subjects"`
		Retention       string   `json:"retention"`
		Discard         string   `json:"discard"`
		MaxAge          string   `json:"maxAge"`
		DuplicateWindow string   `json:"duplicateWindow"`
		AllowDirect     bool     `json:"allowDirect"`

		StreamName     string   `json:"streamName"`
		DurableName    string   `json:"durableName"`
		FilterSubjects []string `json:"filterSubjects"`
		DeliverPolicy  string   `json:"deliverPolicy"`
		AckPolicy      string   `json:"ackPolicy"`
		AckWait        string   `json:"ackWait"`
		MaxDeliver     int      `json:"maxDeliver"`
		MaxAckPending  int      `json:"maxAckPending"`
		ReplayPolicy   string   `json:"replayPolicy"`

		Bucket         string `json:"bucket"`
		History        uint8  `json:"history"`
		LimitMarkerTTL int64  `json:"limitMarkerTtl"` // nanoseconds
	} `json:"spec"`
}

func manifests(t *testing.T, kind string) []manifest {
	t.Helper()
	var list []manifest
	for _, file := range []string{"streams.yaml", "consumers.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "nack", file))
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			var m manifest
			if err := yaml.UnmarshalStrict(document, &m); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if m.APIVersion != "jetstream.nats.io/v1beta2" || m.Metadata.Name == "" || !m.Spec.PreventDelete {
				t.Errorf("%s %s: API version %s, preventDelete %v", m.Kind, m.Metadata.Name, m.APIVersion, m.Spec.PreventDelete)
			}
			if m.Kind == kind {
				list = append(list, m)
			}
		}
	}
	return list
}

// duration reads what the manifests give as text; nothing is no limit.
func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// named reads one of JetStream's names, such as a storage type's.
func named[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(`"`+name+`"`), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (m manifest) stream(t *testing.T) jetstream.StreamConfig {
	t.Helper()
	return jetstream.StreamConfig{
		Name: m.Spec.Name, Description: m.Spec.Description, Subjects: m.Spec.Subjects, Replicas: 1, // one server
		Storage: named[jetstream.StorageType](t, m.Spec.Storage), Retention: named[jetstream.RetentionPolicy](t, m.Spec.Retention),
		Discard: named[jetstream.DiscardPolicy](t, m.Spec.Discard), MaxAge: duration(t, m.Spec.MaxAge),
		Duplicates: duration(t, m.Spec.DuplicateWindow), AllowDirect: m.Spec.AllowDirect, Metadata: m.Spec.Metadata,
	}
}

func (m manifest) consumer(t *testing.T) jetstream.ConsumerConfig {
	t.Helper()
	return jetstream.ConsumerConfig{
		Durable: m.Spec.DurableName, Description: m.Spec.Description, FilterSubjects: m.Spec.FilterSubjects,
		DeliverPolicy: named[jetstream.DeliverPolicy](t, m.Spec.DeliverPolicy), AckPolicy: named[jetstream.AckPolicy](t, m.Spec.AckPolicy),
		AckWait: duration(t, m.Spec.AckWait), MaxDeliver: m.Spec.MaxDeliver, MaxAckPending: m.Spec.MaxAckPending,
		ReplayPolicy: named[jetstream.ReplayPolicy](t, m.Spec.ReplayPolicy), Metadata: m.Spec.Metadata,
	}
}

func (m manifest) bucket() jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket: m.Spec.Bucket, Description: m.Spec.Description, History: m.Spec.History, Replicas: 1,
		LimitMarkerTTL: time.Duration(m.Spec.LimitMarkerTTL),
	}
}

// TestManifestsAreWhatTheBridgeWouldCreate has NACK's part done on one server
// and the bridge's on another, and finds no difference.
func TestManifestsAreWhatTheBridgeWouldCreate(t *testing.T) {
	t.Parallel()
	made := []string{"EVENTS", "EVENTS_DLQ", "EVENTS_RECEIPTS", "KV_makebridge"}
	ours, theirs := open(t), open(t)
	for _, m := range manifests(t, "Stream") {
		if _, err := theirs.CreateStream(t.Context(), m.stream(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range manifests(t, "Consumer") {
		if _, err := theirs.CreateConsumer(t.Context(), m.Spec.StreamName, m.consumer(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range manifests(t, "KeyValue") {
		if _, err := theirs.CreateKeyValue(t.Context(), m.bucket()); err != nil {
			t.Fatal(err)
		}
	}
	p := run(t, append(routesOn(), "NATS_URL="+ours.Conn().ConnectedUrl(), "BRIDGE_HTTP_ADDR=off")...)
	eventually(t, "the bridge to consume", func() bool {
		return strings.Count(p.log(), `"msg":"consuming"`) == len(subjects.Routes())
	})
	for _, name := range made { // that of the receipts is made beside the routes
		eventually(t, "the stream "+name, func() bool { _, err := ours.Stream(t.Context(), name); return err == nil })
	}
	p.end()

	ignored := []cmp.Option{
		// With the one replica of these servers the bridge has receipts persisted
		// asynchronously, with the three of the manifest as usual.
		cmpopts.IgnoreFields(jetstream.StreamConfig{}, "Metadata", "PersistMode"), cmpopts.IgnoreFields(jetstream.ConsumerConfig{}, "Metadata"),
		cmpopts.SortSlices(strings.Compare),
	}
	for _, name := range made {
		if diff := cmp.Diff(streamOf(t, ours, name), streamOf(t, theirs, name), ignored...); diff != "" {
			t.Errorf("stream %s, as the bridge has it (-) and as the manifest (+):\n%s", name, diff)
		}
	}
	for _, r := range subjects.Routes() {
		if diff := cmp.Diff(consumerOf(t, ours, r.Name), consumerOf(t, theirs, r.Name), ignored...); diff != "" {
			t.Errorf("consumer %s, as the bridge has it (-) and as the manifest (+):\n%s", r.Name, diff)
		}
		if app := consumerOf(t, theirs, r.Name).Metadata["app"]; app != consumerOf(t, ours, r.Name).Metadata["app"] {
			t.Errorf("consumer %s says it is of %q", r.Name, app)
		}
	}
	checkFindsNothingToDo(t, theirs)
}

// checkFindsNothingToDo runs the program's own check, without leave to provision.
func checkFindsNothingToDo(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	out, ok := makebridge(t, append(routesOn(), "NATS_URL="+js.Conn().ConnectedUrl(), "BRIDGE_PROVISION=false"), "check", "-o", "json")
	if !ok {
		t.Fatal("check fails")
	}
	var report struct {
		Changes []struct {
			Kind, Name, Action string
			Differences        []string
			Dangers            []string
		} `json:"streams_and_consumers"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Changes) < 2+len(subjects.Routes()) {
		t.Errorf("only %d streams and consumers were looked at", len(report.Changes))
	}
	for _, c := range report.Changes {
		// The version that a bridge writes into the metadata is no manifest's business.
		differences := slices.DeleteFunc(c.Differences, func(d string) bool { return d == "metadata" })
		if c.Action != "none" || len(differences) > 0 || len(c.Dangers) > 0 {
			t.Errorf("%s %s: %s %q %q", c.Kind, c.Name, c.Action, differences, c.Dangers)
		}
	}
}

// open connects to a server of its own without users.
func open(t *testing.T) jetstream.JetStream {
	t.Helper()
	s := start(t, &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func streamOf(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func consumerOf(t *testing.T, js jetstream.JetStream, name string) jetstream.ConsumerConfig {
	t.Helper()
	c, err := js.Consumer(t.Context(), "EVENTS", name)
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().Config
}
