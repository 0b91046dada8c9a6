package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/standin"
)

// TestCheckFindsWhatMayNotBeWritten to the bucket, and writes nothing to find it.
func TestCheckFindsWhatMayNotBeWritten(t *testing.T) {
	const may = `this NATS user may not publish to "$KV.makebridge.`
	for denied, tt := range map[string]struct {
		status int
		want   []string
	}{
		"hold.>":    {exitFailed, []string{`error    ` + may + `hold.check": what a replica holds it would never release`}},
		"pace.>":    {exitFailed, []string{`error    ` + may + `pace.check": nothing would be sent to a destination with a rate limit`}},
		"replica.>": {exitFailed, []string{`error    ` + may + `replica.check": a bridge would post nothing`}},
		"owner.>":   {exitFailed, []string{`error    ` + may + `owner.check": nobody would serve a route that keeps an order`}},
		"parked.>":  {exitDone, []string{`warning  ` + may + `parked.check.check": `}},
		"report.>":  {exitDone, []string{`warning  ` + may + `report.check.check": the admin route is told nothing`}},
		">":         {exitDone, []string{`warning  ` + may + `replica.check", nor any other key of bucket makebridge: as this user a bridge would post nothing`}},
		"others.>":  {exitDone, nil},
	} {
		t.Run(denied, func(t *testing.T) {
			t.Parallel()
			w := newWorldAs(t, forbidding(t, "$KV.makebridge."+denied), standin.Config{}, nats.UserInfo("all", "p"))
			env := append(slices.Clone(w.env), "NATS_PASSWORD=p", "MAKE_WEBHOOK_PAYMENTS_ORDERING=key",
				"MAKE_WEBHOOK_ADMIN_URL=https://hook.example.com/admin")
			if status, out, errs := w.commandAs(append(env, "NATS_USER=all"), "setup"); status != exitDone {
				t.Fatalf("setup: exit status %d, %s%s", status, out, errs)
			}
			written := func() uint64 {
				s, err := w.js.Stream(t.Context(), "KV_makebridge")
				if err != nil {
					t.Fatal(err)
				}
				return s.CachedInfo().State.LastSeq
			}
			before := written()
			status, out, errs := w.commandAs(append(env, "NATS_USER=some"), "check")
			if status != tt.status || strings.Count(out, may) != len(tt.want) {
				t.Errorf("exit status %d, want %d, with %d findings", status, tt.status, len(tt.want))
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("not told: %s", want)
				}
			}
			if after := written(); after != before {
				t.Errorf("%d changes of the bucket", after-before)
			}
			if t.Failed() {
				t.Logf("it printed %s%s", out, errs)
			}
		})
	}
}
