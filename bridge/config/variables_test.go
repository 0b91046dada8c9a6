package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

// on turns the payments and the errors route on.
func on() []string {
	return []string{
		"MAKE_WEBHOOK_PAYMENTS_URL=https://hook.example.com/payments",
		"MAKE_WEBHOOK_ERRORS_URL=https://hook.example.com/errors",
	}
}

func payments(c *Config) bridge.Route { return c.Routes[0] }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryVariable(t *testing.T) {
	t.Parallel()
	const h, m, s, ms = time.Hour, time.Minute, time.Second, time.Millisecond
	pki := newPKI(t)
	nkeyFile, _ := newNKey(t)
	credsFile := newAccount(t).creds
	keys := func(c *Config) any {
		var all []string
		for _, k := range payments(c).Destination.SigningKeys {
			all = append(all, k.Reveal())
		}
		return all
	}
	url := func(c *Config) any { return payments(c).Destination.URL.Reveal().String() }
	apiKey := func(c *Config) any { return payments(c).Destination.APIKey.Reveal() }
	durations := []string{"5", "soon", "-1s", "0", "0s", "99999999h", "87601h", "1s;2s"}
	counts := []string{"0", "-1", "many", "1.5", "99999999999999999999"}

	rows := []struct {
		variable string
		get      func(*Config) any
		unset    any
		good     string
		want     any
		bad      []string
		with     string // what else has to be set, or, without =, unset
	}{
		{"NATS_URL", func(c *Config) any { return c.NATS.URL() }, "nats://127.0.0.1:4222", "tls://a:1, b", "tls://a:1,nats://b", []string{"http://a", "nats://", "nats://a:x", "nats://a:99999", ",", "ws://a,nats://b", "nats://%zz"}, ""},
		{"NATS_CONTEXT", func(c *Config) any { return c.NATS.JSDomain }, "", file(t, `{"jetstream_domain":"leaf"}`), "leaf", []string{"../x", "a/b", "/nonexistent", file(t, `{`), file(t, `{"url":"http://x"}`), file(t, `{"jetstream_api_prefix":"x"}`), file(t, `{"nsc":"x"}`), file(t, `{"user_jwt":"x"}`), file(t, `{"cert":"x"}`), file(t, `{"windows_cert_store":"x"}`), file(t, `{"socks_proxy":"x"}`), file(t, `{"ca":"/nonexistent"}`)}, ""},
		{"NATS_CREDS", func(c *Config) any { return c.NATS.Creds }, "", credsFile, credsFile, []string{"/nonexistent", t.TempDir(), file(t, "x"), os.DevNull}, ""},
		{"NATS_NKEY", func(c *Config) any { return c.NATS.NKey }, "", nkeyFile, nkeyFile, []string{"/nonexistent", file(t, "x")}, ""},
		{"NATS_USER", func(c *Config) any { return c.NATS.User + "/" + c.NATS.Token.Reveal() }, "/", "alice", "/alice", nil, ""},
		{"NATS_PASSWORD", func(c *Config) any { return c.NATS.User + "/" + c.NATS.Password.Reveal() }, "/", "pw", "alice/pw", nil, "NATS_USER=alice"},
		{"NATS_TOKEN", func(c *Config) any { return c.NATS.Token.Reveal() }, "", "t", "t", nil, ""},
		{"NATS_CA", func(c *Config) any { return c.NATS.CA }, "", pki.ca, pki.ca, []string{"/nonexistent", file(t, "x")}, ""},
		{"NATS_CERT", func(c *Config) any { return c.NATS.Cert }, nil, pki.cert, pki.cert, []string{"/nonexistent", file(t, "x"), pki.ca}, "NATS_KEY=" + pki.key},
		{"NATS_KEY", func(c *Config) any { return c.NATS.Key }, nil, pki.key, pki.key, []string{"/nonexistent"}, "NATS_CERT=" + pki.cert},
		{"NATS_INBOX_PREFIX", func(c *Config) any { return c.NATS.InboxPrefix }, "", "_INBOX_bridge", "_INBOX_bridge", []string{"a.>", "a.", "a b"}, ""},
		{"NATS_JS_DOMAIN", func(c *Config) any { return c.NATS.JSDomain }, "", "leaf", "leaf", []string{"a.b", "*", "a b"}, ""},

		{"BRIDGE_STREAM", func(c *Config) any { return c.Stream.Name }, "EVENTS", "E-1", "E-1", []string{"a.b", "a b", "a*", ">", "a/b", `a\b`, strings.Repeat("a", 247)}, ""},
		{"BRIDGE_DLQ_STREAM", func(c *Config) any { return c.Stream.DLQ }, "EVENTS_DLQ", "D", "D", []string{"a.b", "EVENTS", "EVENTS_RECEIPTS"}, ""},
		{"BRIDGE_BUCKET", func(c *Config) any { return c.Stream.Bucket }, "makebridge", "B_1-x", "B_1-x", []string{"a.b", "a b", ">", "ü", strings.Repeat("a", 253)}, ""},
		{"BRIDGE_STREAM_REPLICAS", func(c *Config) any { return c.Stream.Replicas }, 1, "3", 3, append(counts, "6"), ""},
		{"BRIDGE_STREAM_MAX_AGE", func(c *Config) any { return c.Stream.MaxAge }, 720 * h, "48h", 48 * h, durations, ""},
		{"BRIDGE_DLQ_MAX_AGE", func(c *Config) any { return c.Stream.DLQMaxAge }, time.Duration(0), "48h", 48 * h, durations, ""},
		{"BRIDGE_RECEIPTS", func(c *Config) any { return c.Stream.ReceiptsStream() }, "EVENTS_RECEIPTS", "OFF", "", []string{"true", "never"}, ""},
		{"BRIDGE_RECEIPTS_MAX_AGE", func(c *Config) any { return c.Stream.ReceiptsMaxAge }, 168 * h, "48h", 48 * h, durations, ""},
		{"BRIDGE_PROVISION", func(c *Config) any { return c.Stream.Provision }, true, "False", false, []string{"maybe"}, ""},

		{"BRIDGE_CONCURRENCY", func(c *Config) any { return payments(c).Concurrency }, 16, "4", 4, append(counts, "10001"), ""},
		{"BRIDGE_RATE_LIMIT", func(c *Config) any { return payments(c).Destination.Limit.String() }, "300/10s", "off", "off", []string{"300", "300/10", "0/10s", "-1/1s", "a/b", "1/0s", "1/25h", "1/1s/1s", "OFF?"}, ""},
		{"BRIDGE_DELIVERY_TIMEOUT", func(c *Config) any { return payments(c).Timeout }, 20 * s, "1m", m, durations, ""},
		{"BRIDGE_ORDERING", func(c *Config) any { return payments(c).Ordering }, bridge.OrderingNone, "KEY", bridge.OrderingKey, []string{"fifo", "key,strict"}, ""},
		{"BRIDGE_DELIVERY_ATTEMPTS", func(c *Config) any { return c.Delivery.Attempts }, 3, "1", 1, append(counts, "101"), ""},
		{"BRIDGE_DELIVERY_BACKOFF_MIN", func(c *Config) any { return c.Delivery.BackoffMin }, 500 * ms, "1s", s, append(durations, "11s"), ""},
		{"BRIDGE_DELIVERY_BACKOFF_MAX", func(c *Config) any { return c.Delivery.BackoffMax }, 10 * s, "1s", s, durations, ""},
		{"BRIDGE_REDELIVERY_DELAYS", func(c *Config) any { return c.Retry.RedeliveryDelays }, []time.Duration{30 * s, 2 * m, 10 * m, 30 * m, h, 2 * h, 4 * h, 8 * h}, "1s, 2m", []time.Duration{s, 2 * m}, []string{"5", "1s,,2s", ",", "1s,0s", "1s,2"}, ""},
		{"BRIDGE_MAX_DELIVERIES", func(c *Config) any { return c.Retry.MaxDeliveries }, 12, "1", 1, append(counts, "1000001"), ""},
		{"BRIDGE_GIVE_UP_AFTER", func(c *Config) any { return c.Retry.GiveUpAfter }, time.Duration(0), "72h", 72 * h, durations, ""},
		{"BRIDGE_HOLD_AFTER", func(c *Config) any { return c.Hold.After }, 5, "1", 1, counts, ""},
		{"BRIDGE_HOLD_MIN", func(c *Config) any { return c.Hold.Min }, 15 * s, "5m", 5 * m, append(durations, "6m"), ""},
		{"BRIDGE_HOLD_MAX", func(c *Config) any { return c.Hold.Max }, 5 * m, "15s", 15 * s, durations, ""},
		{"BRIDGE_ACK_WAIT", func(c *Config) any { return c.AckWait }, m, "1s", s, append(durations, "999ms"), ""},
		{"BRIDGE_VALIDATION", func(c *Config) any { return c.Validation }, bridge.ValidationEnforce, "WARN ", bridge.ValidationWarn, []string{"on"}, ""},
		{"BRIDGE_ALLOW_HTTP", func(c *Config) any { return c.AllowHTTP }, false, "true", true, []string{"perhaps"}, ""},
		{"BRIDGE_HTTP_ADDR", func(c *Config) any { return c.HTTPAddr }, ":8080", "[::1]:0", "[::1]:0", []string{"8080", ":http", ":99999", "a:b:c"}, ""},
		{"BRIDGE_PPROF", func(c *Config) any { return c.Profiles }, false, "true", true, []string{"cpu"}, ""},
		{"BRIDGE_SHUTDOWN_TIMEOUT", func(c *Config) any { return c.ShutdownTimeout }, 25 * s, "1s", s, durations, ""},
		{"BRIDGE_LOG_LEVEL", func(c *Config) any { return c.Log.Level.Level() }, slog.LevelInfo, "debug", slog.LevelDebug, []string{"loud", "info+2"}, ""},
		{"BRIDGE_LOG_FORMAT", func(c *Config) any { return c.Log.Format }, FormatAuto, "json", FormatJSON, []string{"xml"}, ""},

		{"MAKE_WEBHOOK_PAYMENTS_URL", url, nil, " https://x.example.com/y\n", "https://x.example.com/y", []string{"http://x.example.com", "x", "ftp://x", "https://", " ", "https://u:p@x", "https://x/%zz", "https://x.example.com/y z", "https://x.example.com/y\u00a0z"}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_URL_FILE", url, nil, file(t, "https://x.example.com/y\n"), "https://x.example.com/y", []string{"/nonexistent", t.TempDir(), file(t, " \n"), os.DevNull, "a\x00b"}, "MAKE_WEBHOOK_PAYMENTS_URL"},
		{"MAKE_WEBHOOK_PAYMENTS_API_KEY", apiKey, "", "k", "k", []string{"a\nb", "ä", " "}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE", apiKey, "", file(t, "k\r\n"), "k", []string{"/nonexistent", file(t, ""), file(t, "a\nb"), file(t, strings.Repeat("a", maxFile+1))}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET", keys, []string(nil), "whsec_b25l dHdv", []string{"one", "two"}, []string{"b25", "whsec_", "b25l,dHdv", " "}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET_FILE", keys, []string(nil), file(t, "b25l\nwhsec_dHdv\n"), []string{"one", "two"}, []string{"/nonexistent", file(t, "not base64"), file(t, "")}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_SUBJECTS", func(c *Config) any { return payments(c).Subjects }, []string{"payments.>"}, "pay.>, p.* x", []string{"pay.>", "p.*", "x"}, []string{",", "a..b", "a.>.b", "$JS.x", "dlq.x", "redeliver.a", "receipt.x", ">", "*.a", "a.>,a.b", "a a", "errors.*.x,errors.y.*"}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_CONCURRENCY", func(c *Config) any { return payments(c).Concurrency }, 16, "2", 2, append(counts, "10001"), ""},
		{"MAKE_WEBHOOK_PAYMENTS_RATE_LIMIT", func(c *Config) any { return payments(c).Destination.Limit }, bridge.Limit{Requests: 300, Window: 10 * s}, "off", bridge.Limit{}, []string{"1"}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_TIMEOUT", func(c *Config) any { return payments(c).Timeout }, 20 * s, "1s", s, durations, ""},
		{"MAKE_WEBHOOK_PAYMENTS_ORDERING", func(c *Config) any { return payments(c).Ordering }, bridge.OrderingNone, " strict", bridge.OrderingStrict, []string{"all", "none key"}, ""},
		{"MAKE_WEBHOOK_PAYMENTS_START", func(c *Config) any { return payments(c).Start }, bridge.Start{}, "new", bridge.Start{New: true}, []string{"old", "2026-01-31", "0001-01-01T00:00:00Z"}, ""},
		{"MAKE_WEBHOOK_ERRORS_MIN_SEVERITY", func(c *Config) any { return c.Routes[len(c.Routes)-1].MinSeverity }, bridge.SeverityHigh, "low", bridge.SeverityLow, []string{"huge"}, ""},
	}

	var covered []string
	for _, r := range rows {
		name := strings.Replace(r.variable, "_PAYMENTS_", "_<NAME>_", 1)
		covered = append(covered, name)
		t.Run(r.variable, func(t *testing.T) {
			t.Parallel()
			base := slices.DeleteFunc(on(), func(entry string) bool {
				return r.with != "" && strings.HasPrefix(entry, r.with+"=")
			})
			if strings.Contains(r.with, "=") {
				base = append(base, r.with)
			}
			load := func(value string) *Config {
				t.Helper()
				c, err := Load(append(slices.Clone(base), r.variable+"="+value))
				if err != nil {
					t.Fatalf("%q: %v", value, err)
				}
				return c
			}
			if r.unset != nil {
				if c, err := Load(base); err != nil {
					t.Fatal(err)
				} else if diff := cmp.Diff(r.unset, r.get(c)); diff != "" {
					t.Errorf("unset (-want +got):\n%s", diff)
				}
				if r.variable != "BRIDGE_HTTP_ADDR" {
					if diff := cmp.Diff(r.unset, r.get(load(""))); diff != "" {
						t.Errorf("set but empty (-want +got):\n%s", diff)
					}
				}
			}
			if diff := cmp.Diff(r.want, r.get(load(r.good))); diff != "" {
				t.Errorf("%q (-want +got):\n%s", r.good, diff)
			}
			for _, bad := range r.bad {
				_, err := Load(append(slices.Clone(base), r.variable+"="+bad))
				var problems *Error
				if !errors.As(err, &problems) {
					t.Errorf("%q is accepted", bad)
					continue
				}
				for _, p := range problems.Problems {
					if !mentions(p, r.variable) {
						t.Errorf("%q: %s does not name %s", bad, p, r.variable)
					}
					if strings.HasSuffix(p.Message, "is not valid") {
						t.Errorf("%q: %s does not say what would be", bad, p)
					}
				}
			}
		})
	}

	var documented []string
	for _, v := range Variables() {
		documented = append(documented, v.Name)
		if v.Meaning == "" {
			t.Errorf("%s has no meaning", v.Name)
		}
	}
	if diff := cmp.Diff(documented, covered); diff != "" {
		t.Errorf("variables without a row, or in another order (-documented +rows):\n%s", diff)
	}
}

func mentions(p Problem, variable string) bool {
	return p.Variable == variable || strings.Contains(p.Message, variable)
}

// A misspelt tag would switch a check off without a word.
func TestTagsOfSettings(t *testing.T) {
	t.Parallel()
	known := []string{"env", "envDefault", "default", "empty", "min", "max", "secret", "meaning"}
	for _, g := range append(groups(&Config{}, &routeDefaults{}), &routeSettings{}, &errorsSettings{}) {
		for _, s := range settings(g) {
			for _, bound := range []string{"min", "max"} {
				value, ok := s.field.Tag.Lookup(bound)
				if !ok {
					continue
				}
				var err error
				if s.field.Type == reflect.TypeFor[int]() {
					_, err = parseInt(value)
				} else {
					_, err = parseDuration(value)
				}
				if err != nil {
					t.Errorf("%s: %s=%q: %v", s.key, bound, value, err)
				}
			}
			for pair := range strings.SplitSeq(string(s.field.Tag), `" `) {
				if key, _, _ := strings.Cut(pair, ":"); !slices.Contains(known, key) {
					t.Errorf("%s has the tag %q, which nothing reads", s.key, key)
				}
			}
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	var secrets []string
	for _, v := range Variables() {
		if v.Secret {
			secrets = append(secrets, v.Name)
		}
	}
	want := []string{
		"NATS_URL", "NATS_PASSWORD", "NATS_TOKEN",
		"MAKE_WEBHOOK_<NAME>_URL", "MAKE_WEBHOOK_<NAME>_API_KEY", "MAKE_WEBHOOK_<NAME>_SIGNING_SECRET",
	}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	i := slices.IndexFunc(Variables(), func(v Variable) bool { return v.Name == "BRIDGE_RATE_LIMIT" })
	if got := Variables()[i].Default; got != "300/10s" {
		t.Errorf("BRIDGE_RATE_LIMIT is documented to default to %q", got)
	}
}
