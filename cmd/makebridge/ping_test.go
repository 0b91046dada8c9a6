package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/subjects"
)

func TestPingPostsAsTheBridgeWouldAndSaysItIsATest(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{APIKey: "key-1", SigningKeys: [][]byte{[]byte("secret")}})
	var out, errs buffer
	status := run(t.Context(), []string{"ping", "payments"}, &console{environ: append(w.env,
		"MAKE_WEBHOOK_PAYMENTS_API_KEY=key-1", "MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET=c2VjcmV0",
		"MAKE_WEBHOOK_PAYMENTS_RATE_LIMIT=1/150ms"), in: strings.NewReader(""), out: &out, err: &errs})
	if status != exitDone {
		t.Fatalf("exit status %d: %s%s", status, out.String(), errs.String())
	}
	arrivals := w.makecom.Arrivals()
	if len(arrivals) != 2 {
		t.Fatalf("%d arrivals, want one of each type of the route", len(arrivals))
	}
	for _, a := range arrivals {
		e, err := subjects.Check(a.Subject, a.Body)
		if err != nil {
			t.Fatalf("%s: %v", a.Body, err)
		}
		var envelope struct {
			Test bool `json:"test"`
		}
		if err := json.Unmarshal(a.Body, &envelope); err != nil || !envelope.Test {
			t.Errorf("no mark of a test in %s", a.Body)
		}
		if !strings.HasPrefix(e.ID, "test-") || a.EventID != e.ID || a.Type != e.Type || a.Signature != standin.SignatureOK {
			t.Errorf("arrival %+v", a)
		}
	}
	if apart := arrivals[1].Time.Sub(arrivals[0].Time); apart < 150*time.Millisecond {
		t.Errorf("%s between two requests, the limit is one in 150ms", apart)
	}
}

func TestPingStopsWhenItIsTold(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs buffer
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"ping"}, &console{environ: append(w.env, "MAKE_WEBHOOK_PAYMENTS_RATE_LIMIT=1/24h"),
			in: strings.NewReader(""), out: &out, err: &errs})
	}()
	w.eventually("the first answer", func() bool { return strings.Contains(out.String(), "  200  ") })
	cancel()
	if status := <-exit; status != exitFailed || !strings.Contains(errs.String(), "stopped after 1 of 3") {
		t.Errorf("exit status %d: %s", status, errs.String())
	}
}

func TestPingSaysThatItWaitsForAnAnswer(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("payments", standin.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs buffer
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"ping"}, &console{environ: append(w.env, "MAKE_WEBHOOK_PAYMENTS_TIMEOUT=5m"), in: strings.NewReader(""), out: &out, err: &errs})
	}()
	w.eventually("the request", func() bool { return len(w.makecom.Arrivals()) == 1 })
	cancel()
	w.eventually("a word", func() bool {
		return strings.Contains(errs.String(), "waiting up to 5m for the answer to payment.success; Ctrl-C again ends at once")
	})
	if err := w.makecom.Close(); err != nil {
		t.Error(err)
	}
	if status := <-exit; status != exitFailed || !strings.Contains(errs.String(), "stopped after 1 of 3") {
		t.Errorf("exit status %d: %s", status, errs.String())
	}
}

func TestMeaningOfEveryClass(t *testing.T) {
	for _, tt := range []struct {
		answer bridge.Answer
		want   string
	}{
		{bridge.Answer{Class: bridge.ClassDelivered, Status: 200}, "accepted"},
		{bridge.Answer{Class: bridge.ClassMisconfigured, Status: 410}, "turn it on"},
		{bridge.Answer{Class: bridge.ClassMisconfigured, Status: 404}, "no such webhook"},
		{bridge.Answer{Class: bridge.ClassMisconfigured, Status: 401}, "API key"},
		{bridge.Answer{Class: bridge.ClassMisconfigured, Status: 403}, "API key"},
		{bridge.Answer{Class: bridge.ClassMisconfigured, Status: 302}, "not a webhook's own"},
		{bridge.Answer{Class: bridge.ClassMisconfigured}, "certificate"},
		{bridge.Answer{Class: bridge.ClassBackpressure, Status: 429}, "asks to wait"},
		{bridge.Answer{Class: bridge.ClassFailed, Status: 500}, "try again"},
		{bridge.Answer{Class: bridge.ClassRejected, Status: 422}, "dead-letter"},
		{bridge.Answer{Class: bridge.ClassInterrupted, Detail: "stopped"}, "stopped"},
	} {
		if got := meaning(tt.answer); !strings.Contains(got, tt.want) {
			t.Errorf("%s %d: %q, want %q", tt.answer.Class, tt.answer.Status, got, tt.want)
		}
	}
}

// TestPingGoesPastAHoldAndTellsOfIt: the webhook works again, and the bridge
// has not noticed yet.
func TestPingGoesPastAHoldAndTellsOfIt(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("payments", standin.Status(410))
	w.start("BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")
	w.publish("payments.success", paymentEvent("event-1"))
	w.eventually("the hold", func() bool { r := w.status(); return r.route("payments").Hold != nil })
	ping := func(args ...string) string {
		t.Helper()
		var out, errs buffer
		exit := run(t.Context(), append([]string{"ping"}, args...), &console{environ: append(w.env, "MAKE_WEBHOOK_MESSAGES_URL="+w.makecom.URL("messages")),
			in: strings.NewReader(""), out: &out, err: &errs})
		if exit != exitDone || errs.String() != "" {
			t.Fatalf("exit status %d: %s", exit, errs.String())
		}
		return out.String()
	}
	const told = "\n  the bridge posts nothing there: held for "
	text := ping("payments", "messages", "cohort-enrollments")
	if strings.Count(text, told) != 1 || !strings.Contains(text, ": HTTP 410 Gone: no scenario is listening; turn it on in make.com\n") {
		t.Errorf("the hold of a destination that two routes share is to be told once:\n%s", text)
	}
	var answers []pingAnswer
	if err := json.Unmarshal([]byte(ping("payments", "messages", "-o", "json")), &answers); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if held := a.Hold != nil; held != (a.Route == "payments") || held && a.Hold.Status != 410 {
			t.Errorf("%s to %s: hold %+v", a.Type, a.Route, a.Hold)
		}
	}
}
