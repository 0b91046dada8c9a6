package main

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

func TestInvalidEventsAreDeadLetteredWithWhatIsWrong(t *testing.T) {
	w := newWorld(t, embedded.Config{MaxPayload: 8 << 20}, standin.Config{})
	w.start()
	good := paymentEvent("event-1")
	change := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	tests := []struct{ name, subject, body, want string }{
		{"not JSON", "payments.success", "canary", "JSON"},
		{"a member missing", "payments.success", change(`"event_id":"event-1",`, ""), `event_id`},
		{"wrong type for the subject", "payments.failed", good, "/type"},
		{"schema violated", "payments.success", change(`"amount":1200`, `"amount":"canary"`), "/payload/amount"},
		{"payload member missing", "payments.success", change(`"currency":"EUR",`, ""), "currency"},
		{"an event_id that cannot be a header", "payments.success", change(`"event-1"`, `"canary id"`), "/event_id"},
		{"5 MiB + 1", "payments.success", good + strings.Repeat(" ", 5<<20+1-len(good)), "5"},
	}
	for _, tt := range tests {
		w.publish(tt.subject, tt.body)
	}
	w.settled("payments")
	letters := w.letters()
	if len(letters) != len(tests) {
		t.Fatalf("%d letters, want %d", len(letters), len(tests))
	}
	bySequence := map[string]*jetstream.RawStreamMsg{}
	for _, l := range letters {
		bySequence[l.Header.Get("Makebridge-Sequence")] = l
	}
	for i, tt := range tests {
		l := bySequence[string(rune('1'+i))]
		reason, text := l.Header.Get("Makebridge-Reason"), l.Header.Get("Makebridge-Error")
		if reason != "invalid" || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s, %q; want the reason to name %s", tt.name, reason, text, tt.want)
		}
		if strings.Contains(text, "canary") || len(text) > 256 {
			t.Errorf("%s: %q shows a value, or is too long", tt.name, text)
		}
		if string(l.Data) != tt.body {
			t.Errorf("%s: the body was changed", tt.name)
		}
	}
	if n := len(w.makecom.Arrivals()); n > 0 {
		t.Errorf("%d invalid events were posted", n)
	}
}

func TestBadConfigurationStopsTheStartWithEveryProblem(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want []string
	}{
		"nothing at all":     {nil, []string{"MAKE_WEBHOOK_PAYMENTS_URL"}},
		"http to elsewhere":  {[]string{"MAKE_WEBHOOK_PAYMENTS_URL=http://hook.example.com/canary"}, []string{"MAKE_WEBHOOK_PAYMENTS_URL", "https"}},
		"no subjects":        {[]string{"MAKE_WEBHOOK_REFUNDS_URL=https://hook.example.com/canary"}, []string{"MAKE_WEBHOOK_REFUNDS_SUBJECTS"}},
		"no unit":            {[]string{"MAKE_WEBHOOK_PAYMENTS_URL=https://h.example/canary", "BRIDGE_DELIVERY_TIMEOUT=5"}, []string{"BRIDGE_DELIVERY_TIMEOUT", "unit"}},
		"everything at once": {[]string{"MAKE_WEBHOOK_PAYMENTS_URL=canary", "BRIDGE_ACK_WAIT=canary", "BRIDGE_CONCURRENCY=canary"}, []string{"MAKE_WEBHOOK_PAYMENTS_URL", "BRIDGE_ACK_WAIT", "BRIDGE_CONCURRENCY"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log buffer
			status := run(context.Background(), []string{"run"}, &console{environ: tt.env, in: strings.NewReader(""), out: &out, err: &log})
			if status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			for _, want := range tt.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("%q is missing in: %s", want, log.String())
				}
			}
			if strings.Contains(log.String(), "canary") {
				t.Errorf("a value shows in: %s", log.String())
			}
		})
	}
}

func TestUnusableStreamKeepsTheBridgeUpAndUnready(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"payments.>"}, Retention: jetstream.InterestPolicy,
	}); err != nil {
		t.Fatal(err)
	}
	p := w.start()
	w.eventually("the trouble to be told", func() bool { return strings.Contains(p.log.String(), "interest retention") })
	if status, body := p.health("/readyz"); status != 503 || !strings.Contains(body, "interest retention") {
		t.Errorf("%d %s", status, body)
	}
	if err := w.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
		t.Fatal(err)
	}
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
}
