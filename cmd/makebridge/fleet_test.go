package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/fleet"
	"github.com/makebridge/makebridge/bridge/standin"
)

func TestReplicasTellHowTheyAre(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.start()
	w.start()
	const events = 20
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.settled("payments")
	w.eventually("both to have delivered all", func() bool {
		replicas, err := fleet.Ask(t.Context(), w.js.Conn())
		if err != nil {
			t.Fatal(err)
		}
		sum := uint64(0)
		for _, r := range replicas {
			if len(r.Routes) != 2 || r.Routes[0].Name != "payments" || r.Version != programVersion() {
				t.Fatalf("%+v", r)
			}
			sum += r.Routes[0].Delivered
		}
		return len(replicas) == 2 && sum == events
	})
}

// TestReplicasTellWhatTheyHaveInHand: also which of them serves an ordered
// route, as status shows it.
func TestReplicasTellWhatTheyHaveInHand(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	answer := standin.NewGate()
	w.makecom.Default("payments", answer.Then(standin.Accept()))
	for range 2 {
		w.start("MAKE_WEBHOOK_PAYMENTS_ORDERING=strict")
	}
	for i := range 3 {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.eventually("one of them to own the route, with events in hand", func() bool {
		replicas, err := fleet.Ask(t.Context(), w.js.Conn())
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range replicas {
			if p := r.Routes[0]; p.Owner && p.Ordering == "strict" && p.InFlight == 1 && p.InHand > 0 && len(replicas) == 2 {
				report := w.status()
				other, now := replicas[1-i].Routes[0], report.route("payments")
				if unordered := r.Routes[1]; unordered.Ordering != "none" || unordered.Owner {
					t.Errorf("a route without an order has an owner: %+v", unordered)
				}
				return !other.Owner && other.InHand == 0 && now.Owner == r.ID && now.Ordering == "strict"
			}
		}
		return false
	})
	answer.Open()
	w.settled("payments")
}

func TestReplicaThatMayNotServeRequestsDeliversAllTheSame(t *testing.T) {
	w := newWorldAs(t, denying(t, `, "$SRV.>"`, ""), standin.Config{}, nats.UserInfo("services", "secret"))
	p := w.start("NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge")
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
	w.eventually("the warning", func() bool { return strings.Contains(p.log.String(), "does not show in makebridge status") })
	if status := p.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	if n := strings.Count(p.log.String(), "Permissions Violation"); n != 1 {
		t.Errorf("%d lines about permissions", n)
	}
}
