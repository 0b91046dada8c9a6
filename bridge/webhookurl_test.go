package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestWebhookURLNeverPrints(t *testing.T) {
	const canary = "s3cr3tpath"
	u, err := ParseWebhookURL("https://hook.eu2.make.com/"+canary, false)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "url", u, "any", []any{u}, "nested", struct{ U WebhookURL }{u})
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "url", u, "nested", struct{ U WebhookURL }{u})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb, u)
		fmt.Fprintf(&b, verb, &u)
		d := Destination{URL: u, APIKey: NewSecret(canary), SigningKeys: []Secret{NewSecret(canary)}}
		fmt.Fprintf(&b, verb, []*Destination{&d})
		fmt.Fprintf(&b, verb, struct{ d *Destination }{&d})
		fmt.Fprintf(&b, verb, struct{ s Secret }{NewSecret(canary)})
		fmt.Fprintf(&b, verb, struct{ d Destination }{d})
		fmt.Fprintf(&b, verb, Destination{URL: u, APIKey: NewSecret(canary), SigningKeys: []Secret{NewSecret(canary)}})
	}
	j, err := json.Marshal(map[string]any{"u": u, "k": NewSecret(canary)})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(j)
	if strings.Contains(b.String(), canary) || strings.Contains(b.String(), fmt.Sprintf("%x", canary)) {
		t.Fatalf("the address shows in %s", b.String())
	}
	if want := "hook.eu2.make.com#" + u.ID()[:6]; u.String() != want || !strings.Contains(b.String(), want) {
		t.Fatalf("fingerprint %s, want %s", u, want)
	}
	if got := u.Reveal().String(); got != "https://hook.eu2.make.com/"+canary {
		t.Fatalf("reveals %s", got)
	}
}

// TestOneWebhookWrittenInSeveralWays is one destination, with one pace and one hold.
func TestOneWebhookWrittenInSeveralWays(t *testing.T) {
	for _, same := range [][]string{
		{"https://hook.eu2.make.com/a", "https://HOOK.eu2.make.com:443/a", "https://hook.eu2.make.com./a", "https://hook.eu2.make.com.:443/a", "https://hook.eu2.make.com:/a"},
		{"http://127.0.0.1/a", "http://127.0.0.1:80/a"},
		{"http://[::1]/a", "http://[::1]:80/a"},
	} {
		for _, raw := range same {
			first, err := ParseWebhookURL(same[0], false)
			u, err2 := ParseWebhookURL(raw, false)
			if err != nil || err2 != nil || u.ID() != first.ID() {
				t.Errorf("%s is %s, want %s (%v, %v)", raw, u, first, err, err2)
			}
		}
	}
	a, _ := ParseWebhookURL("https://hook.eu2.make.com:444/a", false)
	b, _ := ParseWebhookURL("https://hook.eu2.make.com/a", false)
	if a.ID() == b.ID() {
		t.Error("another port is another destination")
	}
}

func TestParseWebhookURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://hook.eu2.make.com/abc":     "",
		" https://hook.eu2.make.com/abc\n":  "",
		"http://127.0.0.1:8080/x":           "",
		"http://localhost/x":                "",
		"http://[::1]:1/x":                  "",
		"http://hook.eu2.make.com/canary":   "must be https",
		"http://10.0.0.1/canary":            "must be https",
		"http://127.0.0.1.evil.test/canary": "must be https",
		"hook.eu2.make.com/canary":          "must start with https://",
		"ftp://hook.eu2.make.com/canary":    "must start with https://",
		"https:///canary":                   "has no host",
		"https://user:canary@host/":         "must not carry a user",
		"https://host/#canary":              "must not carry a fragment",
		"https://host/%zzcanary":            "is not a URL",
		"":                                  "must start with https://",
	} {
		_, err := ParseWebhookURL(raw, false)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", raw, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: error %v, want %q", raw, err, want)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("%q: error %v shows what was given", raw, err)
		}
	}
	if _, err := ParseWebhookURL("http://10.0.0.1/x", true); err != nil {
		t.Errorf("allowed http: %v", err)
	}
	if _, err := ParseWebhookURL("http://10.0.0.1/x", false); !errors.Is(err, ErrPlainHTTP) {
		t.Errorf("error %v, want ErrPlainHTTP", err)
	}
}
