package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestAskFindsEveryReplica has two replicas at work.
func TestAskFindsEveryReplica(t *testing.T) {
	t.Parallel()
	url := startServer(t, "").URL()
	second, first := replica(t, dial(t, url), "b", &testbed.Log{}), replica(t, dial(t, url), "a", &testbed.Log{})
	second.cfg.Started = second.cfg.Started.Add(time.Hour)
	first.cfg.State = func(route string) State {
		return State{Ordering: "key", InFlight: len(route), InHand: 20, Owner: true, Full: route == "payments"}
	}
	for _, v := range []bridge.Verdict{
		{Outcome: bridge.Delivered, Attempts: 1}, {Outcome: bridge.Delivered, Attempts: 1}, {Outcome: bridge.Filtered},
		{Outcome: bridge.Retried, Attempts: 3}, {Outcome: bridge.DeadLettered, Reason: bridge.Invalid}, {Outcome: bridge.HandedBack},
	} {
		first.Settled("payments", bridge.Message{}, v)
	}
	first.Settled("nobody's", bridge.Message{}, bridge.Verdict{Outcome: bridge.Delivered})
	stopFirst, stopSecond := run(t, first), run(t, second)
	asker := dial(t, url)
	var got []Replica
	testbed.Eventually(t, "both", func() bool {
		var err error
		if got, err = Ask(t.Context(), asker); err != nil {
			t.Fatal(err)
		}
		return len(got) == 2
	})
	id := first.cfg.Destination("").URL.ID()
	route := func(name string) Route {
		return Route{Name: name, Destination: "hook.example.com#" + id[:6], DestinationID: id}
	}
	busy, idle := route("payments"), route("cohort-messages")
	busy.Delivered, busy.Filtered, busy.Retried, busy.DeadLettered = 2, 1, 1, 1
	busy.DeliveredLastMinute, busy.FailedLastMinute = 2, 2
	busy.Ordering, busy.InFlight, busy.InHand, busy.Owner, busy.Full = "key", 8, 20, true, true
	idle.Ordering, idle.InFlight, idle.InHand, idle.Owner = "key", 15, 20, true
	want := []Replica{
		{ID: "a", Version: "(devel)", Host: "host-1", Started: first.cfg.Started, Routes: []Route{busy, idle}},
		{ID: "b", Version: "(devel)", Host: "host-1", Started: second.cfg.Started, Routes: []Route{route("payments"), route("cohort-messages")}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[0].Routes, first.Routes()); diff != "" {
		t.Errorf("its own routes (-want +got):\n%s", diff)
	}
	stopSecond()
	if got, err := Ask(t.Context(), asker); err != nil || len(got) != 1 || got[0].ID != "a" {
		t.Errorf("after one has stopped: %v, %v", got, err)
	}
	stopFirst()
	if got, err := Ask(t.Context(), asker); err != nil || len(got) > 0 {
		t.Errorf("after both have stopped: %v, %v", got, err)
	}
}

// TestJSONIsStable: status prints what travels here, under these names.
func TestJSONIsStable(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Replica{Routes: []Route{{}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"","version":"","host":"","started":"0001-01-01T00:00:00Z","routes":[{"route":"","destination":"","destination_id":"",` +
		`"delivered":0,"filtered":0,"retried":0,"dead_lettered":0,"delivered_last_minute":0,"failed_last_minute":0,` +
		`"in_flight":0,"in_hand":0,"owner":false,"full":false}]}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
}

// TestProtocolIsThatOfMicroServices compares the answers with those of a
// service of the library: the same verbs on the same subjects with the same
// members.
func TestProtocolIsThatOfMicroServices(t *testing.T) {
	t.Parallel()
	url := startServer(t, "").URL()
	ours := replica(t, dial(t, url), "replica-1", &testbed.Log{})
	ours.Settled("payments", bridge.Message{}, bridge.Verdict{
		Outcome: bridge.Retried, Attempts: 2, Duration: 3 * time.Second, Error: "HTTP 500 Internal Server Error",
	})
	ours.Settled("payments", bridge.Message{}, bridge.Verdict{Outcome: bridge.Delivered, Attempts: 1, Duration: time.Second, Error: "HTTP 200 OK"})
	ours.Settled("payments", bridge.Message{}, bridge.Verdict{
		Outcome: bridge.DeadLettered, Reason: bridge.Rejected, Attempts: 1, Duration: 2 * time.Second, Error: "HTTP 422: canary",
	})
	run(t, ours)
	theirs, err := micro.AddService(dial(t, url), micro.Config{
		Name: "library", Version: "1.2.3", Metadata: map[string]string{"a": "b"}, StatsHandler: func(*micro.Endpoint) any { return 1 },
		Endpoint: &micro.EndpointConfig{Subject: "x", Handler: micro.HandlerFunc(func(micro.Request) {}), Metadata: map[string]string{"a": "b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Stop()
	asker := dial(t, url)
	request := func(subject string) map[string]any {
		t.Helper()
		var answer map[string]any
		testbed.Eventually(t, "an answer on "+subject, func() bool {
			msg, err := asker.Request(subject, nil, testbed.Patience)
			if errors.Is(err, nats.ErrNoResponders) {
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(msg.Data), "canary") {
				t.Errorf("a secret in %s", msg.Data)
			}
			return json.Unmarshal(msg.Data, &answer) == nil
		})
		return answer
	}
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		kind, one := request("$SRV."+verb+".makebridge"), request("$SRV."+verb+".makebridge.replica-1")
		if diff := cmp.Diff(kind, one); diff != "" {
			t.Errorf("%s of the kind and of the instance differ:\n%s", verb, diff)
		}
		if diff := cmp.Diff(shape(request("$SRV."+verb+".library")), shape(kind)); diff != "" {
			t.Errorf("%s (-library +ours):\n%s", verb, diff)
		}
	}
	stats := request("$SRV.STATS.makebridge")
	if stats["version"] != "0.0.0+devel" || stats["started"] != "2026-01-02T03:04:05Z" {
		t.Errorf("%v", stats)
	}
	endpoints := stats["endpoints"].([]any)
	payments := endpoints[0].(map[string]any)
	delete(payments, "data")
	if diff := cmp.Diff(map[string]any{
		"name": "payments", "subject": "payments.>", "queue_group": "", "num_requests": 3.0, "num_errors": 2.0,
		"last_error": "HTTP 500 Internal Server Error", "processing_time": 6e9, "average_processing_time": 2e9,
	}, payments); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(endpoints) != 2 {
		t.Errorf("%d endpoints", len(endpoints))
	}
}

// shape is a JSON value without its values: names and kinds, the first of a list
// only.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for name, value := range v {
			m[name] = shape(value)
			if name == "metadata" || name == "data" {
				m[name] = "any"
			}
		}
		return m
	case []any:
		return shape(v[0])
	case string:
		return "string"
	}
	return "number"
}

func TestAskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ctx, dial(t, startServer(t, "").URL())); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestServiceSurvivesAReconnection(t *testing.T) {
	t.Parallel()
	url := startServer(t, "").URL()
	nc := dial(t, url)
	run(t, replica(t, nc, "a", &testbed.Log{}))
	asker := dial(t, url)
	there := func() bool { got, err := Ask(t.Context(), asker); return err == nil && len(got) == 1 }
	testbed.Eventually(t, "the replica", there)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the replica again", func() bool { return nc.Stats().Reconnects == 1 && there() })
}
