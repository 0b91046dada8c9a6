package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// receipts waits until the stream of receipts has so many. The bridge makes it
// beside its routes, and the server stores what it has been sent a moment later.
func (w *world) receipts(n uint64) jetstream.Stream {
	w.t.Helper()
	var s jetstream.Stream
	w.eventually(fmt.Sprint(n, " receipts"), func() bool {
		var err error
		s, err = w.js.Stream(w.t.Context(), "EVENTS_RECEIPTS")
		return err == nil && s.CachedInfo().State.Msgs >= n
	})
	return s
}

func TestReceiptForEveryEvent(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("payments", standin.Status(422))
	p := w.start("BRIDGE_CONCURRENCY=1")
	w.receipts(0)
	const events = 5
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.settled("payments")
	p.end()
	s := w.receipts(events)
	outcomes := map[string]int{}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		outcomes[strings.Split(m.Subject, ".")[2]]++
	}
	if outcomes["delivered"] != events-1 || outcomes["dead_lettered"] != 1 || len(outcomes) != 2 {
		t.Errorf("receipts %v", outcomes)
	}
}

func TestNoReceiptsWhenTheyAreOff(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start("BRIDGE_RECEIPTS=off")
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
	p.end()
	for name := range w.js.StreamNames(t.Context()).Name() {
		if name == "EVENTS_RECEIPTS" {
			t.Error("the stream was created")
		}
	}
}

// TestBridgeThatMayWriteNoReceiptsDeliversAllTheSame takes away every
// permission that receipts need.
func TestBridgeThatMayWriteNoReceiptsDeliversAllTheSame(t *testing.T) {
	w := newWorldAs(t, denying(t,
		`, "receipt.>"`, ``,
		`"$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*"`,
		`"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.CREATE.EVENTS", "$JS.API.STREAM.INFO.EVENTS_DLQ", "$JS.API.STREAM.CREATE.EVENTS_DLQ"
		"$JS.API.STREAM.INFO.KV_makebridge", "$JS.API.STREAM.CREATE.KV_makebridge"`,
	), standin.Config{}, nats.UserInfo("services", "secret"))
	p := w.start("NATS_USER=bridge", "NATS_PASSWORD=secret", "NATS_INBOX_PREFIX=_INBOX_bridge", "BRIDGE_RATE_LIMIT=off")
	const events = 300 // in as many parts as there are
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.settled("payments")
	if n := w.makecom.Counts().AcceptedEvents; n != events {
		t.Errorf("%d accepted, want %d", n, events)
	}
	w.eventually("readiness", func() bool { status, _ := p.health("/readyz"); return status == 200 })
	w.eventually("the warning", func() bool { return strings.Contains(p.log.String(), "receipts cannot be kept") })
	if status := p.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	if n := strings.Count(p.log.String(), "Permissions Violation"); n > 2 { // of the stream, of the one receipt that was offered
		t.Errorf("%d lines about permissions", n)
	}
	if n := strings.Count(p.log.String(), "receipts dropped"); n != 1 {
		t.Errorf("%d lines about dropped receipts", n)
	}
}

// denying is a server on which a bridge has the least permissions but for some,
// given in pairs of what is replaced and what is there instead.
func denying(t *testing.T, pairs ...string) embedded.Config {
	t.Helper()
	without := strings.NewReplacer(pairs...).Replace(leastPermissions)
	if without == leastPermissions {
		t.Fatal("nothing was taken away")
	}
	return embedded.Config{ConfigFile: testbed.ConfigFile(t, without)}
}
