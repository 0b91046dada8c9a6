package stream

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestWaitingKnowsWhereADeletedConsumerHadGotTo: what it had settled does not
// wait, wherever the route would begin anew.
func TestWaitingKnowsWhereADeletedConsumerHadGotTo(t *testing.T) {
	b := newBed(t, embedded.Config{})
	s, kv := testSettings(), b.createBucket()
	provision(t, b.client(), s)
	stored := b.stored()
	b.publish("payments.success", "settled")
	b.publish("appointments.created", "settled")
	got := b.publish("payments.success", "settled")
	first := b.publish("payments.success", "waits")
	b.publish("payments.failed", "waits")
	stream, err := b.client().Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	created := stream.CachedInfo().Created
	for _, route := range []string{"payments", "appointments"} {
		putFloor(t, kv, route, floor{got, created})
	}
	payments, appointments := testRoute(t, "payments", 1), testRoute(t, "appointments", 1)
	payments.Start.New = true // which is for a route that has never been
	want := Wait{Route: "payments", Off: true, Events: 2, AtMost: true, Oldest: stored(first), Expires: stored(first).Add(s.MaxAge)}
	off := []*bridge.Route{payments, appointments}
	if diff := cmp.Diff([]Wait{want, {Route: "appointments", Off: true}}, Waiting(t.Context(), b.client(), s, off, nil), cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}

	// A floor of another stream says nothing of this one.
	putFloor(t, kv, "appointments", floor{got, created.Add(1)})
	waits := Waiting(t.Context(), b.client(), s, nil, []*bridge.Route{appointments})
	if len(waits) != 1 || waits[0].Events != 1 || waits[0].AtMost {
		t.Errorf("with the floor of another stream %+v", waits)
	}

	// What is below the floor is gone from the stream: the count is exact.
	for seq := uint64(1); seq <= got; seq++ {
		if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	want.AtMost = false
	if diff := cmp.Diff([]Wait{want}, Waiting(t.Context(), b.client(), s, off[:1], nil), cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}
}
