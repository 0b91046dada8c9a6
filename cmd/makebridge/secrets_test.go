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

// TestNoSecretShowsOnAnyFailurePath drives every kind of failure with canaries
// in all that is secret, and looks for them in everything that comes out.
func TestNoSecretShowsOnAnyFailurePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	const (
		urlCanary     = "UrLcAnArY"
		keyCanary     = "kEyCaNaRy"
		signCanary    = "c2lnbmNhbmFyeXNpZ25jYW5hcnk="
		payloadCanary = "pAyLoAdCaNaRy"
	)
	path := urlCanary + "?q=" + urlCanary
	echo := fmt.Sprintf("no scenario at %s, key %s, %s", w.makecom.URL(path), keyCanary, urlCanary)
	w.makecom.Script(urlCanary,
		standin.Status(500), standin.Reset(), standin.AcceptThenReset(), standin.Hang(),
		standin.TooManyRequests("0"), standin.QueueFull(), standin.StatusWith(503, map[string][]string{"Retry-After": {"0"}}, echo),
		standin.StatusWith(410, nil, echo), standin.StatusWith(401, nil, echo), standin.BrokenRedirect(), standin.Redirect(w.makecom.URL(path)),
		standin.StatusWith(422, nil, echo),
	)
	p := w.start("BRIDGE_LOG_LEVEL=debug", "BRIDGE_DELIVERY_TIMEOUT=3s",
		"MAKE_WEBHOOK_PAYMENTS_URL="+w.makecom.URL(path), "MAKE_WEBHOOK_PAYMENTS_API_KEY="+keyCanary,
		"MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET="+signCanary,
		// Nobody listens there, and nobody is there.
		"MAKE_WEBHOOK_MESSAGES_URL=http://127.0.0.1:1/"+urlCanary, "MAKE_WEBHOOK_MESSAGES_API_KEY="+keyCanary,
		"MAKE_WEBHOOK_SUPPORT_TICKETS_URL=https://hook.invalid/"+urlCanary,
		// It speaks no TLS.
		"MAKE_WEBHOOK_ERRORS_URL="+strings.Replace(w.makecom.URL(urlCanary), "http:", "https:", 1))
	event := func(typ string) string {
		return fmt.Sprintf(`{"type":%q,"event_id":"e-%s","sent_at":"2026-01-02T03:04:05Z","payload":{"note":%q}}`, typ, typ, payloadCanary)
	}
	w.publish("payments.anything", event("payment.anything"))
	w.publish("payments.success", event("payment.success")) // invalid
	w.publish("payments.success", payloadCanary)            // no JSON
	w.publish("messages.anything", event("message.anything"))
	w.publish("tickets.anything", event("ticket.anything"))
	w.publish("errors.anything", event("error.anything"))
	w.settled("payments")
	w.eventually("the other routes to fail", func() bool {
		log := p.log.String()
		return strings.Contains(log, `"messages"`) && strings.Contains(log, "e-ticket.anything") && strings.Contains(log, "e-error.anything") &&
			strings.Contains(log, "e-message.anything")
	})
	_, ready := p.health("/readyz")
	metrics := p.metrics()
	p.end()

	everything := map[string]string{"log": p.log.String(), "output": p.out.String(), "/readyz": ready, "/metrics": metrics}
	for i, l := range w.letters() {
		everything[fmt.Sprint("headers of letter ", i)] = fmt.Sprint(l.Header)
	}
	if n := len(w.letters()); n != 3 {
		t.Errorf("%d letters, want 3", n)
	}
	for where, text := range everything {
		for _, canary := range []string{urlCanary, keyCanary, signCanary, payloadCanary} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
				t.Errorf("%s shows in %s", canary, where)
			}
		}
	}
	if !strings.Contains(metrics, `makebridge_destination_info{destination="127.0.0.1`) {
		t.Error("no fingerprint of a destination in /metrics: the test looks in the wrong place")
	}
	if !strings.Contains(p.log.String(), "127.0.0.1") {
		t.Error("no fingerprint of a destination in the log: the test looks in the wrong place")
	}
}

// TestNoTokenOfNATSShows where the server is named: in a URL it stands where a
// user's name does, which Go does not take for a secret.
func TestNoTokenOfNATSShows(t *testing.T) {
	t.Parallel()
	const canary = "tOkEnCaNaRy"
	w := newWorldAs(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `authorization { token: `+canary+` }`)}, standin.Config{}, nats.Token(canary))
	w.env = append(w.env, "NATS_URL="+strings.Replace(w.nats.URL(), "//", "//"+canary+"@", 1))
	p := w.start()
	p.eventually("it to connect", func() bool { return strings.Contains(p.log.String(), `"msg":"connected to NATS"`) })
	w.nats.Shutdown()
	p.eventually("it to notice", func() bool { return strings.Contains(p.log.String(), "lost NATS") })
	_, withoutNATS := ask([]string{"check"}, w.env...)
	w.startNATS()
	p.eventually("it to connect again", func() bool { return strings.Contains(p.log.String(), "connected to NATS again") })
	_, checked := ask([]string{"check"}, w.env...)
	_, asJSON := ask([]string{"check", "-o", "json"}, w.env...)
	p.end()
	server := strings.TrimPrefix(w.nats.URL(), "nats://")
	for where, text := range map[string]string{
		"log": p.log.String(), "check without NATS": withoutNATS, "check": checked, "check in JSON": asJSON,
	} {
		if strings.Contains(text, canary) || !strings.Contains(text, server) {
			t.Errorf("%s: want %s and no token in it:\n%s", where, server, text)
		}
	}
}
