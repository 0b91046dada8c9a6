package main

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestBucketMadeByHand: where it keeps the markers of removed keys for ever, check warns
// and setup changes that. Nothing else of it changes.
func TestBucketMadeByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	kv, err := w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge", Description: "by hand", MaxValueSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"works.stays", "works.goes"} {
		if _, err := kv.PutString(t.Context(), key, "x"); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		status, out, errs := w.commandAs(append(w.env, "MAKE_WEBHOOK_PAYMENTS_URL=https://hook.example.com/payments"), args...)
		if status != exitDone {
			t.Fatalf("%v: exit status %d: %s%s", args, status, out, errs)
		}
		return out
	}
	const warning, change = "nats kv edit makebridge --marker-ttl=1m", "markers of removed keys unlimited → 1m"
	if out := run("check"); !strings.Contains(out, warning) {
		t.Errorf("check printed %s", out)
	}
	if out := run("setup", "--dry-run"); !strings.Contains(out, change) {
		t.Errorf("setup --dry-run printed %s", out)
	}
	if out := run("setup"); !strings.Contains(out, change) {
		t.Errorf("setup printed %s", out)
	}
	if out := run("check") + run("setup"); strings.Contains(out, warning) || strings.Contains(out, change) {
		t.Errorf("check and setup printed afterwards %s", out)
	}
	s, err := w.js.Stream(t.Context(), "KV_makebridge")
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.Description != "by hand" || c.MaxMsgSize != 4096 {
		t.Errorf("the bucket has values of %d bytes, description %q", c.MaxMsgSize, c.Description)
	}
	if err := kv.Purge(t.Context(), "works.goes", jetstream.PurgeTTL(time.Second)); err != nil {
		t.Fatal(err)
	}
	w.eventually("the marker to go, and nothing else", func() bool {
		i, err := s.Info(t.Context())
		return err == nil && i.State.Msgs == 1
	})
	if e, err := kv.Get(t.Context(), "works.stays"); err != nil || string(e.Value()) != "x" {
		t.Errorf("what was there: %v", err)
	}
}
