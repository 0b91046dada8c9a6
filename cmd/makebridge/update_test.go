package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

// TestRollingUpdateOfTheBridge replaces replicas with those of another version,
// one by one under load, as a deployment does: the new one is ready before the
// old one is asked to go. Nothing is killed, so nothing arrives twice, and the
// route that keeps an order is handed over until a new replica has it.
func TestRollingUpdateOfTheBridge(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, standin.Config{Delay: 20 * time.Millisecond})
	w.env = append(w.env, "BRIDGE_RATE_LIMIT=off",
		"MAKE_WEBHOOK_APPOINTMENTS_URL="+w.makecom.URL("appointments"), "MAKE_WEBHOOK_APPOINTMENTS_ORDERING=key")
	var replicas []*exec.Cmd
	for range 3 {
		replicas = append(replicas, w.replica(asVersion+"=1.0.0"))
	}
	l, ordered := w.load(), w.loadOf("appointments", "appointments.rescheduled", func(id string) string {
		appointment, _, _ := strings.Cut(id, "/")
		return fmt.Sprintf(`{"type":"appointment.rescheduled","event_id":%q,"sent_at":"2026-01-02T03:04:05Z","payload":%s}`,
			id, appointmentPayload("appointment.rescheduled", appointment))
	})
	l.goesOn(50)
	ordered.goesOn(50)
	for _, old := range replicas {
		w.replica(asVersion + "=1.1.0")
		w.end(old)
		l.goesOn(50)
		ordered.goesOn(50)
	}
	updated := time.Now()
	l.goesOn(100)
	ordered.goesOn(50)
	for _, one := range []*eventLoad{ordered, l} {
		if again := one.judge(); len(again) > 0 {
			t.Errorf("accepted more than once: %v", again)
		}
	}
	inOrder(t, ordered.arrivals())
	by := map[string]int{}
	for _, a := range w.makecom.Arrivals() {
		agent := a.Header.Get("User-Agent")
		by[agent]++
		if a.Time.After(updated) && agent != "makebridge/1.1.0" {
			t.Errorf("a request of %s after the update", agent)
		}
	}
	if by["makebridge/1.0.0"] == 0 || by["makebridge/1.1.0"] == 0 || len(by) != 2 {
		t.Errorf("requests by version: %v", by)
	}
	c, err := w.js.Consumer(t.Context(), "EVENTS", "payments")
	if err != nil {
		t.Fatal(err)
	}
	if v := c.CachedInfo().Config.Metadata["makebridge_version"]; !strings.HasSuffix(v, "1.1.0") {
		t.Errorf("the consumer names version %q", v)
	}
}
