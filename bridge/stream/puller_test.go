package stream

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestPullRequestThatNobodyEndsLapses: it went to a leader that died, and later ones
// keep the puller from falling silent.
func TestPullRequestThatNobodyEndsLapses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := &puller{inbox: "inbox"}
	p.opened(8, pullExpiry, now) // is lost
	later := now.Add(pullExpiry / 2)
	p.opened(8, pullExpiry, later)
	for at := later; at.Before(now.Add(pullExpiry)); at = at.Add(pullHeartbeat) {
		if _, err := p.receive(&nats.Msg{Subject: "inbox", Header: nats.Header{"Status": {"100"}}}, at); err != nil {
			t.Fatal(err)
		}
		p.lapse(at)
	}
	if p.open != 16 {
		t.Errorf("%d open while both may be, want 16", p.open)
	}
	p.lapse(now.Add(pullExpiry + 2*pullSilence))
	if p.open != 8 {
		t.Errorf("%d open, want the 8 of the later request", p.open)
	}
	if _, err := p.receive(&nats.Msg{Subject: "payments.success", Reply: "ack"}, later); err != nil {
		t.Fatal(err)
	}
	p.lapse(later.Add(2 * pullExpiry))
	if p.open != 0 || len(p.asked) != 0 {
		t.Errorf("%d open of %d requests, want none", p.open, len(p.asked))
	}
}

// TestRefusalIsSaidOnceUntilARequestSucceeds: the server may turn down every request,
// two in a second, or only those that ask for much.
func TestRefusalIsSaidOnceUntilARequestSucceeds(t *testing.T) {
	t.Parallel()
	logs := &testbed.Log{}
	p := &puller{inbox: "inbox", log: logs.Logger(slog.LevelDebug)}
	now := time.Now()
	says := func(after time.Duration, status, description string) {
		t.Helper()
		now = now.Add(after)
		msg := &nats.Msg{Subject: "inbox", Header: nats.Header{"Status": {status}, "Description": {description}}}
		if _, err := p.receive(msg, now); err != nil {
			t.Fatal(err)
		}
	}
	const expires, batch = "Exceeded MaxRequestExpires of 10s", "Exceeded MaxRequestBatch of 1"
	says(0, "409", "Leadership Change")
	says(0, "409", "Server Shutdown")
	if logs.String() != "" {
		t.Errorf("part of a cluster's life is said: %s", logs)
	}
	for range 1000 {
		says(pullPause, "409", expires)
	}
	for range 10 {
		says(0, "409", batch)
		says(0, "409", expires)
	}
	says(2*refusalLife, "400", "Bad Request")
	for range 10 {
		says(time.Second, "100", "Idle Heartbeat")
		says(time.Second, "400", "Bad Request")
	}
	says(2*refusalLife, "100", "Idle Heartbeat")
	says(0, "400", "Bad Request")
	for text, want := range map[string]int{"409 " + expires: 1, "409 " + batch: 1, "400 Bad Request": 2} {
		if n := strings.Count(logs.String(), text); n != want {
			t.Errorf("%q is said %d times, want %d", text, n, want)
		}
	}
}
