package gate

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestRecordOfAReplicaFollowsItsDestinations: who looks into the bucket knows
// where events go, after a rotation too, and never an address.
func TestRecordOfAReplicaFollowsItsDestinations(t *testing.T) {
	js := testbed.Connect(t, startServer(t, embedded.Config{}).URL())
	var now atomic.Pointer[bridge.Destination]
	at := func(address string) *bridge.Destination {
		u, err := bridge.ParseWebhookURL(address, false)
		if err != nil {
			t.Fatal(err)
		}
		return &bridge.Destination{URL: u}
	}
	before, after := at("https://hook.example.com/canary1"), at("https://hook.example.com/canary2")
	now.Store(before)
	c := testConfig("a")
	c.Logger = slog.New(slog.DiscardHandler)
	c.Destinations = func() map[string]*bridge.Destination {
		return map[string]*bridge.Destination{"payments": now.Load()}
	}
	g := NewShared(js, testBucket, Replica{Version: "test", Routes: []string{"payments"}}, c)
	done := make(chan struct{})
	go func() { defer close(done); g.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	<-g.Ready()
	kv, err := js.KeyValue(t.Context(), testBucket.Name)
	if err != nil {
		t.Fatal(err)
	}
	names := func(d *bridge.Destination) bool {
		e, err := kv.Get(t.Context(), "replica.a")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Value()), "canary") {
			t.Fatalf("the record reveals an address: %s", e.Value())
		}
		var r Replica
		if err := json.Unmarshal(e.Value(), &r); err != nil {
			t.Fatal(err)
		}
		return r.Version == "test" && r.Destinations["payments"] == Destination{d.URL.ID(), d.URL.String()}
	}
	if !names(before) {
		t.Error("the record does not name the destination")
	}

	now.Store(after)
	g.Moved()

	eventually(t, "the record to name the new destination", func() bool { return names(after) })
}
