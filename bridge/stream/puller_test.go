package stream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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
