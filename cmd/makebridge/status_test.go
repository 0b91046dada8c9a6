package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/fleet"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// elsewhere is the environment of a machine that knows NATS and no webhook.
func (w *world) elsewhere() []string { return []string{"NATS_URL=" + w.nats.URL()} }

// status runs `makebridge status -o json` elsewhere.
func (w *world) status(env ...string) statusReport {
	w.t.Helper()
	var out, errs buffer
	exit := run(w.t.Context(), []string{"status", "-o", "json"}, &console{environ: append(w.elsewhere(), env...), in: strings.NewReader(""), out: &out, err: &errs})
	if exit != exitDone || errs.String() != "" {
		w.t.Fatalf("exit status %d: %s", exit, errs.String())
	}
	var r statusReport
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (r *statusReport) route(name string) statusRoute {
	for _, route := range r.Routes {
		if route.Name == name {
			return route
		}
	}
	return statusRoute{}
}

// numbers are those of a route in words.
func numbers(r statusRoute) string {
	return fmt.Sprintf("%s pending, %s in hand, %s parked, %s to be redelivered",
		known(r.Pending, exact), known(r.InHand, exact), known(r.Parked, exact), known(r.Redelivery, exact))
}

// TestStatusOfABridgeWithTrouble: one route is well, the second held, the third
// failing; and two share the destination that is held.
func TestStatusOfABridgeWithTrouble(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	const canary = "CaNaRy"
	gone := w.makecom.URL("gone" + canary)
	w.makecom.Default("gone"+canary, standin.Status(410))
	w.makecom.Default("failing", standin.Status(500))
	p := w.start("MAKE_WEBHOOK_MESSAGES_URL="+gone, "MAKE_WEBHOOK_ADMIN_URL="+gone, "MAKE_WEBHOOK_APPOINTMENTS_URL="+w.makecom.URL("failing"),
		"BRIDGE_HOLD_AFTER=1000", "BRIDGE_REDELIVERY_DELAYS=1h", "BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")
	for n := range 6 {
		w.publish("payments.success", paymentEvent(fmt.Sprint("payment-", n)))
		w.publish("messages.anything", fmt.Sprintf(`{"type":"m","event_id":"message-%d","sent_at":"2026-01-02T03:04:05Z","payload":{}}`, n))
		w.publish("appointments.anything", fmt.Sprintf(`{"type":"a","event_id":"appointment-%d","sent_at":"2026-01-02T03:04:05Z","payload":{}}`, n))
	}
	w.settled("payments")
	want := map[string]string{
		"payments":     "0 pending, 0 in hand, 0 parked, 0 to be redelivered",
		"messages":     "0 pending, 6 in hand, 6 parked, 0 to be redelivered",
		"appointments": "0 pending, 0 in hand, 6 parked, 6 to be redelivered",
	}
	var r statusReport
	w.eventually("everything to be where it stays", func() bool {
		r = w.status()
		return numbers(r.route("appointments")) == want["appointments"] && numbers(r.route("messages")) == want["messages"] && r.route("messages").Hold != nil &&
			len(r.Replicas) == 1 && len(r.Errors) == 0
	})

	for name, want := range want {
		got := r.route(name)
		if numbers(got) != want {
			t.Errorf("route %s: %s, want %s", name, numbers(got), want)
		}
		if (got.Oldest == nil) != (name == "payments") || got.Error != "" || !strings.HasPrefix(got.Destination, "127.0.0.1:") {
			t.Errorf("route %s: %+v", name, got)
		}
	}
	for _, name := range []string{"messages", "cohort-messages", "admin"} {
		h := r.route(name).Hold
		if h == nil || h.Status != 410 || h.Reason != "misconfigured" || h.Meaning != "HTTP 410 Gone: no scenario is listening; turn it on in make.com" {
			t.Errorf("route %s is held with %+v", name, h)
		}
	}
	if len(r.Replicas) != 1 || r.Replicas[0].Version != programVersion() || r.Replicas[0].Host == "" || len(r.Holds) > 0 || len(r.Errors) > 0 {
		t.Errorf("status %+v", r)
	}

	var text, errs buffer
	run(t.Context(), []string{"status"}, &console{environ: w.elsewhere(), in: strings.NewReader(""), out: &text, err: &errs})
	for _, want := range []string{"\n  held for ", ", with admin at the same webhook: HTTP 410 Gone\n", "HTTP 410 Gone: no scenario is listening", "REPLICA"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if all := text.String() + fmt.Sprint(r); strings.Contains(strings.ToLower(all), strings.ToLower(canary)) {
		t.Errorf("an address shows in:\n%s", all)
	}

	p.end()
	if r := w.status(); len(r.Replicas) > 0 || len(r.Holds) != 1 || r.Holds[0].Status != 410 || r.route("messages").Hold != nil {
		t.Errorf("after the bridge has stopped: %+v", r)
	}
}

// TestStatusFollowsARotation: a route that was given a new webhook is not held
// any more, and status says where its events go.
func TestStatusFollowsARotation(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("old", standin.Status(410))
	secrets := newVolume(t, map[string]string{"url": w.makecom.URL("old"), "key": "k"})
	w.start(append(secrets.env(), "BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")...)
	w.publish("payments.success", paymentEvent("event-1"))
	w.eventually("the hold", func() bool { r := w.status(); return r.route("payments").Hold != nil })
	before := w.status()

	secrets.swap(map[string]string{"url": w.makecom.URL("new"), "key": "k"})
	w.settled("payments")

	w.eventually("the new destination", func() bool {
		r := w.status()
		now := r.route("payments")
		return now.Hold == nil && now.Destination != before.route("payments").Destination && len(r.Holds) == 1
	})
}

// TestStatusWithTheLeastPermissions: a bridge's own are enough for the routes
// that replicas serve, and with none of use there is one clear line.
func TestStatusWithTheLeastPermissions(t *testing.T) {
	w := newWorldAs(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, leastPermissions)}, standin.Config{}, nats.UserInfo("services", "secret"))
	user := []string{"NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge"}
	var out, errs buffer
	if exit := run(t.Context(), []string{"status"}, &console{environ: append(w.elsewhere(), user...), out: &out, err: &errs}); exit != exitFailed || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("without a stream: exit status %d, %s", exit, errs.String())
	}
	w.start(user...)
	w.consumer("payments")
	w.eventually("the routes of the replica", func() bool {
		r := w.status(user...)
		return len(r.Routes) == 2 && len(r.Replicas) == 1 && r.Routes[0].Error == "" &&
			len(r.Errors) == 2 && strings.Contains(r.Errors[0], `this NATS user may not publish to "$JS.API.CONSUMER.LIST.EVENTS"`) &&
			r.Errors[1] == `delivered and failed a minute are not known: this NATS user may not publish to "$SRV.STATS.makebridge"`
	})
}

// TestStatusAddsWhatTheReplicasSay: numbers of a route are sums over replicas,
// and who answers is alive.
func TestStatusAddsWhatTheReplicasSay(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.start()
	w.consumer("payments")
	cfg, err := config.LoadInstallation(w.elsewhere())
	if err != nil {
		t.Fatal(err)
	}
	link, err := dial(cfg.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer link.close()
	var state backlog.State
	w.eventually("the replica's record", func() bool {
		state, err = backlog.Read(t.Context(), link.js, newStatusSource(cfg, link).what)
		return err == nil && len(state.Replicas) == 1
	})
	r := newStatusReport(state, []fleet.Replica{
		{ID: state.Replicas[0].ID, Routes: []fleet.Route{
			{Name: "payments", DeliveredLastMinute: 120, FailedLastMinute: 3, InHand: 7},
			{Name: "other", DeliveredLastMinute: 1, FailedLastMinute: 1, InHand: 1},
		}},
		{ID: "fresh", Host: "there", Version: "2", Started: time.Now(), Routes: []fleet.Route{
			{Name: "payments", DeliveredLastMinute: 10, FailedLastMinute: 1, InHand: 2},
		}},
	}, errors.New("one is silent"))
	if p := r.route("payments"); *p.Delivered != 130 || *p.Failed != 4 {
		t.Errorf("%d delivered and %d failed, want 130 and 4", *p.Delivered, *p.Failed)
	}
	if p := r.route("cohort-enrollments"); p.Delivered != nil || p.Failed != nil {
		t.Error("numbers of which nobody has spoken")
	}
	if len(r.Replicas) != 2 || *r.Replicas[0].InHand != 8 || r.Replicas[0].Version != programVersion() || r.Replicas[1].Host != "there" || *r.Replicas[1].InHand != 2 {
		t.Errorf("replicas %+v", r.Replicas)
	}
	if diff := cmp.Diff([]string{"delivered and failed a minute are not known: one is silent"}, r.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
