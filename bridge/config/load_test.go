package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOf loads what must not load, and returns what is wrong with it.
func problemsOf(t *testing.T, environ ...string) []string {
	t.Helper()
	_, err := Load(environ)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("loaded without a problem, error %v", err)
	}
	var list []string
	for _, p := range e.Problems {
		list = append(list, p.String())
	}
	return list
}

func load(t *testing.T, environ ...string) *Config {
	t.Helper()
	c, err := Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load([]string{
		"MAKE_WEBHOOK_ZETA_URL=https://hook.example.com/z",
		"MAKE_WEBHOOK_ZETA_SUBJECTS=payments..x",
		"MAKE_WEBHOOK_PAYMENTS_TIMEOUT=5",
		"MAKE_WEBHOOK_PAYMENTS_URL=hook.example.com",
		"MAKE_WEBHOOK_ALPHA_API_KEY=k",
		"BRIDGE_LOG_LEVEL=loud",
		"BRIDGE_HOLD_AFTER=many",
		"BRIDGE_HOLD_MIN=10m",
		"BRIDGE_DELIVERY_TIMEOUT=5",
		"BRIDGE_CONCURRENCY=0",
		"NATS_PASSWORD=pw",
		"NATS_CA=/nonexistent",
	})
	want := `the configuration has 11 problems:
  NATS_PASSWORD: is set but NATS_USER is not
  NATS_CA: the file: no such file or directory
  BRIDGE_CONCURRENCY: must be at least 1
  BRIDGE_DELIVERY_TIMEOUT: must be a duration with a unit, such as 20s
  BRIDGE_HOLD_AFTER: must be a whole number
  BRIDGE_HOLD_MIN: must not be longer than BRIDGE_HOLD_MAX
  BRIDGE_LOG_LEVEL: must be debug, info, warn or error
  MAKE_WEBHOOK_PAYMENTS_URL: must start with https://
  MAKE_WEBHOOK_PAYMENTS_TIMEOUT: must be a duration with a unit, such as 20s
  MAKE_WEBHOOK_ALPHA_API_KEY: is set but MAKE_WEBHOOK_ALPHA_URL is not
  MAKE_WEBHOOK_ZETA_SUBJECTS: subject 1 is not a valid NATS subject`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneProblemIsNotPlural(t *testing.T) {
	t.Parallel()
	_, err := Load([]string{"BRIDGE_PROVISION=perhaps"})
	if got, want := fmt.Sprint(err), "the configuration has 1 problem:\n  BRIDGE_PROVISION: must be true or false"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingSetIsValid(t *testing.T) {
	t.Parallel()
	c := load(t)
	if len(c.Routes) != 0 || len(c.Off) != 8 {
		t.Errorf("%d routes on, %d off", len(c.Routes), len(c.Off))
	}
	err := c.RequireRoutes()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("RequireRoutes: %v", err)
	}
	for _, r := range c.Off {
		if !strings.Contains(err.Error(), r.Variable) {
			t.Errorf("%s is not named in %v", r.Variable, err)
		}
	}
	if err := load(t, on()...).RequireRoutes(); err != nil {
		t.Error(err)
	}
}

func TestLastEntryOfANameCounts(t *testing.T) {
	t.Parallel()
	c := load(t, "BRIDGE_STREAM=A", "BRIDGE_STREAM=B", "no entry", "=C:=x")
	if c.Stream.Name != "B" {
		t.Errorf("got %q", c.Stream.Name)
	}
}

func TestEmptyHTTPAddrIsOff(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "off"} {
		if c := load(t, "BRIDGE_HTTP_ADDR="+value); c.HTTPAddr != "" {
			t.Errorf("%q: serves at %q", value, c.HTTPAddr)
		}
	}
}

func TestHTTPAddrDependsOnNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		want    string
		bad     bool
	}{
		{nil, ":8080", false},
		{[]string{"BRIDGE_HTTP_ADDR=127.0.0.1:9000"}, "127.0.0.1:9000", false},
		{[]string{"BRIDGE_HTTP_ADDR="}, "", false},
		{[]string{"BRIDGE_ACK_WAIT=nonsense", "MAKE_WEBHOOK_PAYMENTS_URL=nonsense"}, ":8080", false},
		{[]string{"BRIDGE_HTTP_ADDR=8080"}, "8080", true},
	} {
		got, err := HTTPAddr(c.environ)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%v: %q, %v", c.environ, got, err)
		}
	}
}

func TestSubjectsOfAllRoutes(t *testing.T) {
	t.Parallel()
	c := load(t, "MAKE_WEBHOOK_CRM_URL=https://hook.example.com/c", "MAKE_WEBHOOK_CRM_SUBJECTS=payments.success,crm.>")
	got := c.Subjects()
	for _, want := range []string{"payments.>", "admin.>", "crm.>"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing of %v", want, got)
		}
	}
	if slices.Contains(got, "payments.success") {
		t.Errorf("payments.success is covered already: %v", got)
	}
}

// canary is what nothing that comes out may contain.
const canary = "c4naryc4naryc4nary"

func TestNoErrorHoldsAValue(t *testing.T) {
	t.Parallel()
	var names []string
	for _, v := range Variables() {
		names = append(names, strings.Replace(v.Name, "<NAME>", "PAYMENTS", 1), strings.Replace(v.Name, "<NAME>", "CRM", 1))
	}
	context := func(key string) string {
		return file(t, fmt.Sprintf(`{%q:%q}`, key, canary+"://"+canary+":"+canary+"@x y"))
	}
	shapes := []string{
		canary, canary + "://x", "https://" + canary + ":" + canary + "@h/", "https://h/%zz" + canary, "http://" + canary + "/",
		"nats://" + canary + ":%zz@x", "5" + canary, canary + "/10s", "10/" + canary, "1s," + canary, "whsec_" + canary + "!",
		canary + "\n" + canary, canary + "..", "dlq." + canary, "a." + canary + ",a." + canary, "/" + canary, canary + ".*.>",
		file(t, canary), file(t, canary+"\n\x00"), file(t, "-----BEGIN "+canary+"-----\n"+canary), file(t, `{"url":"`+canary), file(t, `{"url":5,"`+canary+`":1}`),
		context("url"), context("socks_proxy"), context("creds"), context("nkey"), context("ca"), context("inbox_prefix"), context("jetstream_domain"), context("nsc"),
	}
	failed := 0
	for _, name := range names {
		for _, shape := range shapes {
			_, err := Load(append(on(), name+"="+shape))
			if err == nil {
				continue
			}
			failed++
			if out := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(out, canary) {
				t.Errorf("%s: %s", name, out)
			}
		}
	}
	if failed < len(names) {
		t.Errorf("only %d of the values were refused", failed)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	t.Parallel()
	signing := "whsec_" + canary + "ab" // 20 letters are base64
	key := file(t, canary)
	c := load(t,
		"NATS_URL=nats://"+canary+":"+canary+"@127.0.0.1:4222,tls://"+canary+"@h",
		"MAKE_WEBHOOK_PAYMENTS_URL=https://hook.example.com/"+canary,
		"MAKE_WEBHOOK_PAYMENTS_API_KEY="+canary,
		"MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET="+signing,
		"MAKE_WEBHOOK_ERRORS_URL=https://hook.example.com/e?"+canary,
		"MAKE_WEBHOOK_ERRORS_API_KEY_FILE="+key,
	)
	tokens := load(t, "NATS_TOKEN="+canary)
	users := load(t, "NATS_USER=u", "NATS_PASSWORD="+canary)
	alone := load(t, "NATS_USER="+canary)
	proxied := load(t, "NATS_CONTEXT="+file(t, `{"url":"nats://u:`+canary+`@h","token":"`+canary+`","socks_proxy":"socks5://u:`+canary+`@h:1"}`))

	decoded := c.Routes[0].Destination.SigningKeys[0].Reveal()
	for _, c := range []*Config{c, tokens, users, alone, proxied} {
		var out bytes.Buffer
		for _, value := range []any{c, *c, c.NATS, c.NATS.Servers, c.Routes} {
			fmt.Fprintf(&out, "%v %+v %#v\n", value, value, value)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("configuration", "config", value)
			slog.New(slog.NewTextHandler(&out, nil)).Info("configuration", "config", value)
			if err := json.NewEncoder(&out).Encode(value); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range c.Routes {
			fmt.Fprintf(&out, "%v %+v %#v\n", *r.Destination, *r.Destination, *r.Destination)
		}
		for _, secret := range []string{canary, decoded} {
			if before, _, found := strings.Cut(out.String(), secret); found {
				t.Errorf("%q comes after %q", secret, before[max(0, len(before)-80):])
			}
		}
	}
}
