package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

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
	w.receipts(0)
	for _, id := range []string{"good", "bad"} {
		w.publish("payments.success", paymentEvent(id), "Nats-Msg-Id", id)
	}
	w.settled("payments")
	p.end()
	w.receipts(2)
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
	if status != exitFailed || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, `this NATS user may not publish to "$JS.API.CONSUMER.LIST.EVENTS"`) {
		t.Errorf("exit status %d, %s%s", status, out, errs)
	}
}

// routeOf asks for the trace of an event as JSON, and returns what became of it
// on the route payments.
func (w *world) routeOf(id string) trace.Route {
	w.t.Helper()
	status, out, errs := w.commandAs(nil, "trace", id, "-o", "json")
	var got trace.Trace
	if err := json.Unmarshal([]byte(out), &got); status != exitDone || errs != "" || err != nil || len(got.Publishes) != 1 || len(got.Publishes[0].Routes) != 1 {
		w.t.Fatalf("exit status %d, %s%s", status, out, errs)
	}
	return got.Publishes[0].Routes[0]
}

// TestTraceNamesTheHold that an event waits behind, as status does.
func TestTraceNamesTheHold(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Decide("payments", func(standin.Arrival) standin.Behaviour { return standin.Status(410) })
	w.start()
	w.consumer("payments") // without it a trace knows no route
	w.publish("payments.success", paymentEvent("waits"), "Nats-Msg-Id", "waits")
	var got trace.Route
	w.eventually("the hold to be known", func() bool { got = w.routeOf("waits"); return got.Hold != nil && got.State == trace.InHand })
	h := got.Hold
	if h.Reason != "misconfigured" || h.Status != 410 || h.Destination == "" || h.Since.IsZero() || !h.Until.After(h.Since) {
		t.Errorf("%+v, %+v", got, h)
	}
	status, out, errs := w.commandAs(nil, "trace", "waits")
	if status != exitDone || errs != "" || !strings.Contains(out, "held           since "+clock(h.Since)) ||
		!strings.Contains(out, "HTTP 410 Gone: no scenario is listening; turn it on in make.com") {
		t.Errorf("exit status %d, %s%s", status, out, errs)
	}
}

// TestTraceNamesTheEventThatGoesFirst where a route keeps the order of keys.
func TestTraceNamesTheEventThatGoesFirst(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Decide("payments", func(standin.Arrival) standin.Behaviour { return standin.Status(500) })
	w.start("BRIDGE_ORDERING=key", "BRIDGE_DELIVERY_ATTEMPTS=1", "BRIDGE_REDELIVERY_DELAYS=1h")
	w.consumer("payments") // without it a trace knows no route
	w.publish("payments.success", strings.ReplaceAll(paymentEvent("another"), "pay_1", "pay_2"), "Nats-Msg-Id", "another")
	sequence := w.publish("payments.success", paymentEvent("first"), "Nats-Msg-Id", "first")
	w.eventually("the first to be put off", func() bool { return w.routeOf("first").State == trace.PutOff })
	w.publish("payments.success", paymentEvent("second"), "Nats-Msg-Id", "second")
	var got trace.Route
	w.eventually("the second to be in hand", func() bool { got = w.routeOf("second"); return got.State == trace.InHand })
	if b := got.Behind; b == nil || b.EventID != "first" || b.Sequence != sequence || !b.Until.After(time.Now()) {
		t.Errorf("%+v, %+v", got, got.Behind)
	}
	if r := w.routeOf("first"); r.Behind != nil || r.Hold != nil {
		t.Errorf("%+v", r)
	}
	if _, out, _ := w.commandAs(nil, "trace", "second"); !strings.Contains(out, "kept behind    first, sequence 2, which goes first and is put off until ") {
		t.Error(out)
	}
}
