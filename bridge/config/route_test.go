package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

const hook = "https://hook.example.com/"

func route(t *testing.T, c *Config, name string) bridge.Route {
	t.Helper()
	for _, r := range c.Routes {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("route %s is off", name)
	return bridge.Route{}
}

func names(c *Config) []string {
	var list []string
	for _, r := range c.Routes {
		list = append(list, r.Name)
	}
	return list
}

func TestRoutesInContractOrderThenByName(t *testing.T) {
	t.Parallel()
	c := load(t,
		"MAKE_WEBHOOK_ZETA_URL="+hook+"z", "MAKE_WEBHOOK_ZETA_SUBJECTS=z",
		"MAKE_WEBHOOK_A_1_URL="+hook+"a", "MAKE_WEBHOOK_A_1_SUBJECTS=a",
		"MAKE_WEBHOOK_ADMIN_URL="+hook+"admin", "MAKE_WEBHOOK_MESSAGES_URL="+hook+"m",
	)
	if diff := cmp.Diff([]string{"messages", "cohort-messages", "admin", "a-1", "zeta"}, names(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []OffRoute{
		{"payments", []string{"payments.>"}, "MAKE_WEBHOOK_PAYMENTS_URL", "MAKE_WEBHOOK_PAYMENTS_URL is not set"},
		{"appointments", []string{"appointments.>"}, "MAKE_WEBHOOK_APPOINTMENTS_URL", "MAKE_WEBHOOK_APPOINTMENTS_URL is not set"},
		{"cohort-enrollments", []string{"cohorts.enrollment.>"}, "MAKE_WEBHOOK_COHORT_ENROLLMENTS_URL", "neither MAKE_WEBHOOK_COHORT_ENROLLMENTS_URL nor MAKE_WEBHOOK_PAYMENTS_URL is set"},
		{"support-tickets", []string{"tickets.>"}, "MAKE_WEBHOOK_SUPPORT_TICKETS_URL", "MAKE_WEBHOOK_SUPPORT_TICKETS_URL is not set"},
		{"errors", []string{"errors.>"}, "MAKE_WEBHOOK_ERRORS_URL", "MAKE_WEBHOOK_ERRORS_URL is not set"},
	}
	if diff := cmp.Diff(want, c.Off); diff != "" {
		t.Errorf("off (-want +got):\n%s", diff)
	}
}

func TestFallbackTakesTheWholeDestination(t *testing.T) {
	t.Parallel()
	c := load(t,
		"MAKE_WEBHOOK_PAYMENTS_URL="+hook+"p", "MAKE_WEBHOOK_PAYMENTS_API_KEY=k", "MAKE_WEBHOOK_PAYMENTS_RATE_LIMIT=1/1s",
		"MAKE_WEBHOOK_COHORT_ENROLLMENTS_CONCURRENCY=3", "MAKE_WEBHOOK_COHORT_ENROLLMENTS_TIMEOUT=3s",
	)
	p, e := route(t, c, "payments"), route(t, c, "cohort-enrollments")
	if p.Destination != e.Destination {
		t.Error("the destination is not shared")
	}
	if e.Concurrency != 3 || p.Concurrency != 16 || e.Timeout == p.Timeout {
		t.Errorf("the route's own settings were lost: %+v", e)
	}

	c = load(t, "MAKE_WEBHOOK_PAYMENTS_URL="+hook+"p", "MAKE_WEBHOOK_PAYMENTS_API_KEY=k", "MAKE_WEBHOOK_COHORT_ENROLLMENTS_URL="+hook+"e")
	if e := route(t, c, "cohort-enrollments"); !e.Destination.APIKey.IsZero() {
		t.Error("a route with its own URL took another's key")
	}
}

func TestFallbackWithPartsOfADestination(t *testing.T) {
	t.Parallel()
	for _, key := range destinationKeys() {
		variable := "MAKE_WEBHOOK_COHORT_ENROLLMENTS_" + key
		value := map[bool]string{true: file(t, "b25l"), false: "b25l"}[strings.HasSuffix(key, "_FILE")]
		if key == "RATE_LIMIT" {
			value = "off"
		}
		got := problemsOf(t, append(on(), variable+"="+value)...)
		want := variable + ": is set but MAKE_WEBHOOK_COHORT_ENROLLMENTS_URL is not: the route takes the whole destination of payments; set its URL too, or neither"
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestRoutesWithOneURLShareTheDestination(t *testing.T) {
	t.Parallel()
	c := load(t,
		"MAKE_WEBHOOK_PAYMENTS_URL="+hook+"p", "MAKE_WEBHOOK_PAYMENTS_API_KEY=k",
		"MAKE_WEBHOOK_ADMIN_URL=https://HOOK.example.com/p", "MAKE_WEBHOOK_ADMIN_API_KEY_FILE="+file(t, "k\n"), "MAKE_WEBHOOK_ADMIN_RATE_LIMIT=300/10s",
		"MAKE_WEBHOOK_ERRORS_URL="+hook+"e",
	)
	if route(t, c, "payments").Destination != route(t, c, "admin").Destination {
		t.Error("one URL, two destinations")
	}
	if route(t, c, "payments").Destination == route(t, c, "errors").Destination {
		t.Error("two URLs, one destination")
	}
}

func TestDisagreementAboutADestination(t *testing.T) {
	t.Parallel()
	got := problemsOf(t,
		"MAKE_WEBHOOK_PAYMENTS_URL="+hook, "MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE="+file(t, "k"), "MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET=b25l",
		"MAKE_WEBHOOK_ERRORS_URL_FILE="+file(t, hook), "MAKE_WEBHOOK_ERRORS_SIGNING_SECRET=dHdv", "MAKE_WEBHOOK_ERRORS_RATE_LIMIT=off",
	)
	const end = ", but MAKE_WEBHOOK_ERRORS_URL_FILE and MAKE_WEBHOOK_PAYMENTS_URL are one webhook; set both to the same, or neither"
	want := []string{
		"MAKE_WEBHOOK_ERRORS_API_KEY: differs from MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE" + end,
		"MAKE_WEBHOOK_ERRORS_SIGNING_SECRET: differs from MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET" + end,
		"MAKE_WEBHOOK_ERRORS_RATE_LIMIT: differs from MAKE_WEBHOOK_PAYMENTS_RATE_LIMIT" + end,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCustomRoutes(t *testing.T) {
	t.Parallel()
	c := load(t,
		"MAKE_WEBHOOK_FOO_URL_FILE="+file(t, hook+"foo"), "MAKE_WEBHOOK_FOO_SUBJECTS=foo.>",
		"MAKE_WEBHOOK_BIG_CRM_2_URL="+hook+"crm", "MAKE_WEBHOOK_BIG_CRM_2_SUBJECTS=crm.> payments.*",
		"MAKE_WEBHOOK_BIG_CRM_2_API_KEY_FILE="+file(t, "k"),
		"MAKE_WEBHOOK_URL_URL="+hook+"url", "MAKE_WEBHOOK_URL_SUBJECTS=u",
	)
	if diff := cmp.Diff([]string{"big-crm-2", "foo", "url"}, names(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	crm := route(t, c, "big-crm-2")
	if crm.Destination.APIKey.Reveal() != "k" || crm.Concurrency != 16 || crm.MinSeverity != 0 {
		t.Errorf("%+v", crm)
	}
}

func TestProblemsOfCustomRoutes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("X", 65)
	const badName = ": must name its route in at most 64 capitals and digits, with single underscores between them"
	for _, c := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"no URL", []string{"MAKE_WEBHOOK_CRM_SUBJECTS=a", "MAKE_WEBHOOK_CRM_TIMEOUT=1s", "MAKE_WEBHOOK_CRM_URL="}, []string{
			"MAKE_WEBHOOK_CRM_SUBJECTS: is set but MAKE_WEBHOOK_CRM_URL is not",
			"MAKE_WEBHOOK_CRM_TIMEOUT: is set but MAKE_WEBHOOK_CRM_URL is not",
		}},
		{"no subjects", []string{"MAKE_WEBHOOK_CRM_URL=" + hook}, []string{
			"MAKE_WEBHOOK_CRM_SUBJECTS: is not set: MAKE_WEBHOOK_CRM_URL defines a route of your own, which needs its subjects",
		}},
		{"misspelt", []string{"MAKE_WEBHOOK_PAYMENT_URL=" + hook}, []string{
			"MAKE_WEBHOOK_PAYMENT_SUBJECTS: is not set: MAKE_WEBHOOK_PAYMENT_URL defines a route of your own, which needs its subjects (did you mean MAKE_WEBHOOK_PAYMENTS_URL?)",
		}},
		{"lower case", []string{"MAKE_WEBHOOK_crm_URL=" + hook}, []string{"MAKE_WEBHOOK_crm_URL" + badName}},
		{"no name", []string{"MAKE_WEBHOOK__URL=" + hook}, []string{"MAKE_WEBHOOK__URL" + badName}},
		{"dot", []string{"MAKE_WEBHOOK_A.B_URL=" + hook}, []string{"MAKE_WEBHOOK_A.B_URL" + badName}},
		{"long", []string{"MAKE_WEBHOOK_" + long + "_URL=" + hook}, []string{"MAKE_WEBHOOK_" + long + "_URL" + badName}},
		{"line break", []string{"MAKE_WEBHOOK_A\nB_URL=" + hook}, []string{`"MAKE_WEBHOOK_A\nB_URL"` + badName}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, problemsOf(t, c.environ...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSubjectsThatNoStreamCanHold(t *testing.T) {
	t.Parallel()
	custom := []string{"MAKE_WEBHOOK_A_URL=" + hook + "a", "MAKE_WEBHOOK_B_URL=" + hook + "b"}
	for _, c := range []struct {
		a, b string
		want []string
	}{
		{"x,a.*.c", "a.b.*", []string{"MAKE_WEBHOOK_B_SUBJECTS: subject 1 crosses subject 2 of MAKE_WEBHOOK_A_SUBJECTS (route a): neither covers the other, and no stream can hold both"}},
		{"x", "*.success", []string{"MAKE_WEBHOOK_B_SUBJECTS: subject 1 overlaps one of redeliver.>, dlq.>, receipt.>, which are the bridge's own"}},
		{"x", "y,$KV.a", []string{"MAKE_WEBHOOK_B_SUBJECTS: subject 2 begins with $, which is NATS's own"}},
		{"x", "p.>,p.a", []string{"MAKE_WEBHOOK_B_SUBJECTS: subject 2 overlaps subject 1 of the same route"}},
		{"x", "y y", []string{"MAKE_WEBHOOK_B_SUBJECTS: subject 2 overlaps subject 1 of the same route"}},
		{"dlq.z,a.*.c", "a.b.*,redeliver.x,$y,a.b.d,a..b,a..b", []string{
			"MAKE_WEBHOOK_A_SUBJECTS: subject 1 overlaps one of redeliver.>, dlq.>, receipt.>, which are the bridge's own",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 1 crosses subject 2 of MAKE_WEBHOOK_A_SUBJECTS (route a): neither covers the other, and no stream can hold both",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 2 overlaps one of redeliver.>, dlq.>, receipt.>, which are the bridge's own",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 3 begins with $, which is NATS's own",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 4 overlaps subject 1 of the same route",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 5 is not a valid NATS subject",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 6 is not a valid NATS subject",
		}},
		{"*.b,x", "x.*,*.y", []string{ // what is the bridge's own is not compared
			"MAKE_WEBHOOK_A_SUBJECTS: subject 1 overlaps one of redeliver.>, dlq.>, receipt.>, which are the bridge's own",
			"MAKE_WEBHOOK_B_SUBJECTS: subject 2 overlaps one of redeliver.>, dlq.>, receipt.>, which are the bridge's own",
		}},
	} {
		got := problemsOf(t, append(custom, "MAKE_WEBHOOK_A_SUBJECTS="+c.a, "MAKE_WEBHOOK_B_SUBJECTS="+c.b)...)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s and %s (-want +got):\n%s", c.a, c.b, diff)
		}
	}

	got := problemsOf(t, "MAKE_WEBHOOK_SUPPORT_TICKETS_SUBJECTS=tickets.*.b", "MAKE_WEBHOOK_ADMIN_SUBJECTS=tickets.a.*")
	want := []string{"MAKE_WEBHOOK_ADMIN_SUBJECTS: subject 1 crosses subject 1 of MAKE_WEBHOOK_SUPPORT_TICKETS_SUBJECTS (route support-tickets): neither covers the other, and no stream can hold both"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes that are off (-want +got):\n%s", diff)
	}

	got = problemsOf(t, "MAKE_WEBHOOK_PAYMENTS_SUBJECTS=cohorts.*.created.>")
	want = []string{
		"MAKE_WEBHOOK_PAYMENTS_SUBJECTS: subject 1 crosses subject 1 of MAKE_WEBHOOK_COHORT_ENROLLMENTS_SUBJECTS (route cohort-enrollments): neither covers the other, and no stream can hold both",
		"MAKE_WEBHOOK_PAYMENTS_SUBJECTS: subject 1 crosses subject 1 of MAKE_WEBHOOK_COHORT_MESSAGES_SUBJECTS (route cohort-messages): neither covers the other, and no stream can hold both",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the subjects that a route has by default (-want +got):\n%s", diff)
	}

	load(t, append(custom, "MAKE_WEBHOOK_A_SUBJECTS=payments.>", "MAKE_WEBHOOK_B_SUBJECTS=payments.success,tickets.*")...)
}

func TestBothValueAndFile(t *testing.T) {
	t.Parallel()
	got := problemsOf(t, append(on(), "MAKE_WEBHOOK_PAYMENTS_URL_FILE="+file(t, hook))...)
	want := []string{"MAKE_WEBHOOK_PAYMENTS_URL_FILE: is set as well as MAKE_WEBHOOK_PAYMENTS_URL; keep one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Kubernetes mounts a secret as links that it swaps.
func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	environ := []string{"MAKE_WEBHOOK_PAYMENTS_URL_FILE=" + link}
	for _, address := range []string{hook + "1", hook + "2"} {
		_ = os.Remove(link)
		if err := os.Symlink(file(t, address), link); err != nil {
			t.Fatal(err)
		}
		if got := load(t, environ...).Routes[0].Destination.URL.Reveal().String(); got != address {
			t.Errorf("got %s, want %s", got, address)
		}
	}
}

func TestStartAtATime(t *testing.T) {
	t.Parallel()
	c := load(t, append(on(), "MAKE_WEBHOOK_PAYMENTS_START=2026-01-31T10:00:00+01:00")...)
	want := time.Date(2026, time.January, 31, 9, 0, 0, 0, time.UTC)
	if start := route(t, c, "payments").Start; start.New || !start.At.Equal(want) {
		t.Errorf("got %+v, want %s", start, want)
	}
	if start := route(t, c, "errors").Start; start != (bridge.Start{}) {
		t.Errorf("another route starts at %+v", start)
	}
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	load(t, "MAKE_WEBHOOK_PAYMENTS_URL=http://127.0.0.1:1/")
	load(t, "MAKE_WEBHOOK_PAYMENTS_URL=http://sink:1/", "BRIDGE_ALLOW_HTTP=true")
	want := []string{"MAKE_WEBHOOK_PAYMENTS_URL: must be https; http is for loopback hosts, or with BRIDGE_ALLOW_HTTP=true"}
	if diff := cmp.Diff(want, problemsOf(t, "MAKE_WEBHOOK_PAYMENTS_URL=http://sink:1/")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
