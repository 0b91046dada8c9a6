package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestOutageBurnsNoEvent keeps make.com down for longer than all the retries
// that an event has.
func TestOutageBurnsNoEvent(t *testing.T) {
	t.Parallel()
	for _, events := range []int{1, 1000} {
		t.Run(fmt.Sprint(events, " events"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, embedded.Config{}, standin.Config{})
			w.makecom.Default("payments", standin.Status(500))
			w.start("BRIDGE_MAX_DELIVERIES=3", "BRIDGE_REDELIVERY_DELAYS=50ms", "BRIDGE_DELIVERY_ATTEMPTS=1",
				"BRIDGE_HOLD_MIN=50ms", "BRIDGE_HOLD_MAX=100ms", "BRIDGE_RATE_LIMIT=off")
			for i := range events {
				w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
			}
			w.eventually("more requests than an event has", func() bool { return w.makecom.Counts().Arrived > 20 })
			w.makecom.Default("payments", standin.Accept())
			w.settled("payments")
			if n := len(w.letters()); n > 0 {
				t.Errorf("%d dead letters", n)
			}
			if c := w.makecom.Counts(); c.AcceptedEvents != events {
				t.Errorf("%d accepted, want %d", c.AcceptedEvents, events)
			}
		})
	}
}

func TestReleaseBringsBackWhatWaits(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("payments", standin.Status(500))
	p := w.start("BRIDGE_REDELIVERY_DELAYS=10h", "BRIDGE_DELIVERY_ATTEMPTS=1", "BRIDGE_HOLD_AFTER=5")
	const events = 12
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.eventually("the destination to be held", func() bool { return strings.Contains(p.log.String(), "destination held") })
	w.makecom.Default("payments", standin.Accept())
	w.settled("payments") // the redelivery is due in ten hours
	if c := w.makecom.Counts(); c.AcceptedEvents != events {
		t.Errorf("%d accepted, want %d", c.AcceptedEvents, events)
	}
}

func TestEventAtFaultIsExhaustedWhileOthersAreAccepted(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.EventID == "bad" {
			return standin.Status(500)
		}
		return standin.Accept()
	})
	w.start("BRIDGE_MAX_DELIVERIES=3", "BRIDGE_REDELIVERY_DELAYS=400ms", "BRIDGE_DELIVERY_ATTEMPTS=2", "BRIDGE_RATE_LIMIT=off")
	w.consumer("payments") // by when there is a stream of letters, too
	w.publish("payments.success", paymentEvent("bad"))
	n := 0
	w.eventually("the letter", func() bool {
		n++
		w.publish("payments.success", paymentEvent(fmt.Sprint("good-", n)))
		return len(w.letters()) == 1
	})
	l := w.letters()[0]
	if r, d := l.Header.Get("Makebridge-Reason"), l.Header.Get("Makebridge-Deliveries"); r != "exhausted" || d < "3" {
		t.Errorf("%s after %s deliveries", r, d)
	}
	w.settled("payments")
}

func TestGiveUpAfterExpiresAFailingEvent(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("payments", standin.Status(500))
	w.start("BRIDGE_GIVE_UP_AFTER=1s", "BRIDGE_DELIVERY_ATTEMPTS=1")
	w.publish("payments.success", paymentEvent("bad"))
	w.settled("payments")
	if l := w.letters(); len(l) != 1 || l[0].Header.Get("Makebridge-Reason") != "expired" {
		t.Errorf("letters %v", l)
	}
}

func TestEveryStartTellsWhatWaits(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	first := w.start()
	for i := range 7 {
		w.publish("messages.anything", fmt.Sprintf(`{"type":"message.anything","event_id":"m-%d","sent_at":"2026-01-02T03:04:05Z","payload":{}}`, i))
	}
	first.end()
	p := w.start()
	w.eventually("the line of the route that is off", func() bool {
		return strings.Contains(p.log.String(), `"events wait for a route that is off","route":"messages","events":7`)
	})
	if !strings.Contains(p.log.String(), `"oldest_expires":`) {
		t.Error("nothing says when the oldest expires")
	}
	if !strings.Contains(p.log.String(), "MAKE_WEBHOOK_MESSAGES_URL is not set") {
		t.Error("nothing says why it is off")
	}
	p.end()
	p = w.start("MAKE_WEBHOOK_MESSAGES_URL=" + w.makecom.URL("messages"))
	w.eventually("the line of the route that is new", func() bool {
		return strings.Contains(p.log.String(), `"route is new and delivers what has waited","route":"messages","events":7`)
	})
	w.settled("messages")
}

// leastPermissions are all that `makebridge run` needs.
const leastPermissions = `
accounts { APP { jetstream: enabled, users = [
	{user: services, password: secret}
	{user: bridge, password: secret, permissions: {
		publish: [
			"$JS.API.INFO" # once, to create the bucket
			"$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*"
			"$JS.API.CONSUMER.INFO.EVENTS.*", "$JS.API.CONSUMER.CREATE.EVENTS.>", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.*"
			"$JS.API.DIRECT.GET.EVENTS", "$JS.ACK.EVENTS.>", "dlq.>", "receipt.>"
			"$JS.API.CONSUMER.CREATE.KV_makebridge.>", "$JS.API.CONSUMER.DELETE.KV_makebridge.>"
			"$JS.API.DIRECT.GET.KV_makebridge.>", "$JS.FC.KV_makebridge.>", "$KV.makebridge.>"
		]
		subscribe: ["_INBOX_bridge.>", "$SRV.>"]
		allow_responses: true # to those who ask how the replicas are
	}}
] } }`

func TestLeastPermissionsAreEnoughForTheWholeProgram(t *testing.T) {
	w := newWorldAs(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, leastPermissions)}, standin.Config{}, nats.UserInfo("services", "secret"))
	w.makecom.Script("payments", standin.Status(500), standin.Status(410), standin.Status(422))
	p := w.start("NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge", "BRIDGE_DELIVERY_ATTEMPTS=1",
		"BRIDGE_LOG_LEVEL=debug", "BRIDGE_SHUTDOWN_TIMEOUT=30s", "BRIDGE_ACK_WAIT=1s")
	for i := range 10 {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.settled("payments")
	w.eventually("readiness", func() bool { status, _ := p.health("/readyz"); return status == 200 })
	if status := p.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	if log := strings.ToLower(p.log.String()); strings.Contains(log, "permission") || strings.Contains(log, "not noted") {
		t.Errorf("permissions are missing:\n%s", log)
	}
	if n := len(w.letters()); n != 1 {
		t.Errorf("%d letters, want the rejected one", n)
	}
}
