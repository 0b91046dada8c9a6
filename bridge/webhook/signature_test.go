package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/makebridge/makebridge/bridge"
)

// TestSignatureOfSpecification uses the example that Standard Webhooks gives.
func TestSignatureOfSpecification(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := signatures([]bridge.Secret{bridge.NewSecret(string(key))},
		"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// TestSignaturesVerify has the library check a request while a key is rotated.
func TestSignaturesVerify(t *testing.T) {
	old, fresh := "an old key \x00\xff", "a new key"
	r := newEvent(t, "https://hook.test/abc")
	r.Destination.SigningKeys = []bridge.Secret{bridge.NewSecret(old), bridge.NewSecret(fresh)}
	h := newHeader("makebridge/1.2.3", &r, r.TraceParent, r.TraceState, 1, time.Now())
	if n := len(strings.Fields(h.Get("Webhook-Signature"))); n != 2 {
		t.Errorf("%d signatures, want one for each key", n)
	}
	verify := func(key string, body []byte, h http.Header) error {
		w, err := standardwebhooks.NewWebhookRaw([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return w.Verify(body, h)
	}
	for _, key := range []string{old, fresh} {
		if err := verify(key, r.Body, h); err != nil {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if verify("another key", r.Body, h) == nil {
		t.Error("verified with a key that did not sign")
	}
	if verify(fresh, append([]byte(" "), r.Body...), h) == nil {
		t.Error("verified with another body")
	}
	h.Set("Webhook-Id", "evt-2")
	if verify(fresh, r.Body, h) == nil {
		t.Error("verified with another id")
	}
}
