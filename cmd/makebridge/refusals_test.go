package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// forbidding is a server with a user who may do everything, and one who may not
// publish to a subject.
func forbidding(t *testing.T, subject string) embedded.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	text := fmt.Sprintf(`accounts { APP { jetstream: enabled, users = [
		{user: all, password: p}
		{user: some, password: p, permissions: {publish: {deny: [%q]}}}
	] } }`, subject)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return embedded.Config{ConfigFile: file}
}

// TestRefusedQuestionEndsAtOnce in one line that has the words of the server's
// refusal, of which a question that merely had no answer would know nothing.
func TestRefusedQuestionEndsAtOnce(t *testing.T) {
	const setup, status, trace = "setup", "status", "trace id"
	for name, tt := range map[string]struct {
		denied, command string
		want            string // what is told before the refusal
		goesOn          bool   // it can be done without
	}{
		"setup, a stream":      {"$JS.API.STREAM.INFO.EVENTS", setup, "look up stream EVENTS: ", false},
		"setup, a new stream":  {"$JS.API.STREAM.CREATE.EVENTS", setup, "create stream EVENTS: ", false},
		"setup, a consumer":    {"$JS.API.CONSUMER.INFO.EVENTS.payments", setup, "look up consumer payments: ", false},
		"setup, the bucket":    {"$JS.API.STREAM.INFO.KV_makebridge", setup, "look up bucket makebridge: ", false},
		"setup, other streams": {"$JS.API.STREAM.NAMES", setup, "", true},
		"check, a consumer":    {"$JS.API.CONSUMER.INFO.EVENTS.payments", "check", "look up consumer payments: ", false},
		"status, the stream":   {"$JS.API.STREAM.INFO.EVENTS", status, "look up stream EVENTS: ", false},
		"status, the list":     {"$JS.API.CONSUMER.LIST.EVENTS", status, "list the consumers of EVENTS: ", false},
		"status, the bucket":   {"$JS.API.CONSUMER.CREATE.KV_makebridge.>", status, "not all known: read bucket makebridge: ", true},
		"status, the replicas": {"$SRV.>", status, "delivered and failed a minute are not known: ", true},
		"trace, the consumers": {"$JS.API.CONSUMER.LIST.EVENTS", trace, "list the consumers of stream EVENTS: ", false},
		"trace, the receipts":  {"$JS.API.CONSUMER.CREATE.EVENTS_RECEIPTS.>", trace, "what happened when: read receipts: ", true},
		"trace, reading":       {"$JS.API.CONSUMER.MSG.NEXT.>", trace, "makebridge: ", false},
		"trace, the event":     {"$JS.API.DIRECT.GET.EVENTS", trace, "read sequence 1 of stream EVENTS: ", false},
		"dlq":                  {"$JS.API.STREAM.INFO.EVENTS_DLQ", "dlq ls", "list dead letters: ", false},
		"replay":               {"$JS.API.CONSUMER.CREATE.EVENTS.>", "replay --route payments --since 1h", "replay events: ", false},
		"publish":              {"payments.success", "publish payments.success --example", "publish to payments.success: ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAs(t, forbidding(t, tt.denied), standin.Config{}, nats.UserInfo("all", "p"))
			as := func(user, command string) (status int, out, errs string) {
				return w.commandAs(append(slices.Clone(w.env), "NATS_USER="+user, "NATS_PASSWORD=p"), strings.Fields(command)...)
			}
			if tt.command != setup {
				if _, err := w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge"}); err != nil {
					t.Fatal(err)
				}
				for _, command := range []string{setup, "publish payments.success --example --id id"} {
					if status, out, errs := as("all", command); status != exitDone {
						t.Fatalf("exit status %d, %s%s", status, out, errs)
					}
				}
			}
			status, out, errs := as("some", tt.command)
			if goesOn := status == exitDone; goesOn != tt.goesOn {
				t.Errorf("exit status %d", status)
			}
			if lines := strings.Count(errs, "\n"); tt.goesOn && lines > 0 || lines > 1 {
				t.Errorf("%d lines", lines)
			}
			prefix := strings.TrimRight(tt.denied, ".>")
			if tt.want != "" && !strings.Contains(out+errs, tt.want+`this NATS user may not publish to "`+prefix) {
				t.Error("the refusal is not told")
			}
			if t.Failed() {
				t.Logf("it printed %s%s", out, errs)
			}
		})
	}
}

// TestRefusalOfWhat: which questions wait in vain once the server has refused.
func TestRefusalOfWhat(t *testing.T) {
	violation := func(what string) error {
		return fmt.Errorf("%w: Permissions Violation for %s", nats.ErrPermissionViolation, what)
	}
	const publish, subscription = `Publish to "%s"`, `Subscription to "%s"`
	for name, tt := range map[string]struct {
		err        error
		one, every bool // a question on $JS.API.CONSUMER.INFO.EVENTS.payments, and one that may be anywhere
	}{
		"its subject":             {violation(fmt.Sprintf(publish, "$JS.API.CONSUMER.INFO.EVENTS.payments")), true, true},
		"its subject in a domain": {violation(fmt.Sprintf(publish, "$JS.hub.API.CONSUMER.INFO.EVENTS.payments")), true, true},
		"a longer one":            {violation(fmt.Sprintf(publish, "$JS.API.CONSUMER.INFO.EVENTS.payments-2")), false, true},
		"another":                 {violation(fmt.Sprintf(publish, "$JS.API.CONSUMER.INFO.EVENTS.messages")), false, true},
		"the inbox":               {violation(fmt.Sprintf(subscription, "_INBOX.x.*")), true, true},
		"what can be left":        {violation(fmt.Sprintf(publish, "$JS.API.CONSUMER.DELETE.EVENTS.x")), false, false},
		"other trouble":           {nats.ErrSlowConsumer, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r refusals
			one, answered := r.while(t.Context(), "$JS.API.CONSUMER.INFO.EVENTS.payments")
			defer answered()
			every, done := r.whileAllowed(t.Context())
			defer done()
			r.note(nil, nil, tt.err)
			if (one.Err() != nil) != tt.one || (every.Err() != nil) != tt.every || (r.denial() != nil) != tt.every {
				t.Errorf("ended %t and %t, denial %v", one.Err() != nil, every.Err() != nil, r.denial())
			}
			if err := refusalOf(one, one.Err()); tt.one && (!errors.Is(err, nats.ErrPermissionViolation) || !strings.HasPrefix(err.Error(), "this NATS user may not ")) {
				t.Errorf("told as %v", err)
			}
		})
	}
}
