package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/trace"
)

// TestTraceOfWhatABridgeDid asks about events from a machine that knows no
// webhook.
func TestTraceOfWhatABridgeDid(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.EventID == "bad" {
			return standin.Status(422)
		}
		return standin.Accept()
	})
	p := w.start()
	for _, id := range []string{"good", "bad"} {
		w.publish("payments.success", paymentEvent(id), "Nats-Msg-Id", id)
	}
	w.settled("payments")
	p.end()
	for id, want := range map[string]trace.Route{
		"good": {Name: "payments", State: trace.Delivered},
		"bad":  {Name: "payments", State: trace.DeadLettered, Reason: "rejected", Letter: 1},
	} {
		status, out, errs := w.commandAs(nil, "trace", id, "-o", "json")
		var got trace.Trace
		if err := json.Unmarshal([]byte(out), &got); status != exitDone || errs != "" || err != nil {
			t.Fatalf("exit status %d, %s%s", status, out, errs)
		}
		if len(got.Publishes) != 1 || len(got.Publishes[0].Routes) != 1 || len(got.Unknown) > 0 {
			t.Fatalf("%s: %s", id, out)
		}
		r := got.Publishes[0].Routes[0]
		if r.Name != want.Name || r.State != want.State || r.Reason != want.Reason || r.Letter != want.Letter || len(r.Steps) != 1 {
			t.Errorf("%s: %+v", id, r)
		}
		status, out, errs = w.commandAs(nil, "trace", id)
		if status != exitDone || errs != "" || !strings.Contains(out, "1 request in") {
			t.Errorf("exit status %d, %s%s", status, out, errs)
		}
	}
}

// TestTraceNamesThePermissionThatIsMissing in one line.
func TestTraceNamesThePermissionThatIsMissing(t *testing.T) {
	w := newWorldAs(t, denying(t, `"$JS.ACK.EVENTS.>", `, ""), standin.Config{}, nats.UserInfo("services", "secret"))
	p := w.start("NATS_USER=services", "NATS_PASSWORD=secret")
	w.publish("payments.success", paymentEvent("event-1"), "Nats-Msg-Id", "event-1")
	w.settled("payments")
	p.end()
	status, out, errs := w.commandAs([]string{"NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge"}, "trace", "event-1")
	if status != exitFailed || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "may this user publish to $JS.API.CONSUMER.LIST.EVENTS?") {
		t.Errorf("exit status %d, %s%s", status, out, errs)
	}
}
