package standin_test

import (
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/makebridge/makebridge/bridge/standin"
)

func signed(t *testing.T, key, body string, at time.Time) []string {
	t.Helper()
	w, err := standardwebhooks.NewWebhookRaw([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := w.Sign("e1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"webhook-id", "e1",
		"webhook-timestamp", strconv.FormatInt(at.Unix(), 10),
		"webhook-signature", signature,
	}
}

func TestSignatures(t *testing.T) {
	now := time.Now()
	keys := [][]byte{[]byte("new key"), []byte("old key")}
	for name, c := range map[string]struct {
		keys   [][]byte
		header []string
		want   standin.Signature
	}{
		"no key":        {nil, signed(t, "new key", "{}", now), standin.SignatureUnchecked},
		"new key":       {keys, signed(t, "new key", "{}", now), standin.SignatureOK},
		"old key":       {keys, signed(t, "old key", "{}", now), standin.SignatureOK},
		"another key":   {keys, signed(t, "another", "{}", now), standin.SignatureBad},
		"another body":  {keys, signed(t, "new key", "{ }", now), standin.SignatureBad},
		"an hour ago":   {keys, signed(t, "new key", "{}", now.Add(-time.Hour)), standin.SignatureBad},
		"not signed":    {keys, nil, standin.SignatureMissing},
		"half a header": {keys, signed(t, "new key", "{}", now)[:4], standin.SignatureMissing},
		"no time":       {keys, signed(t, "new key", "{}", now)[4:], standin.SignatureBad},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, standin.Config{SigningKeys: c.keys})
			if got := mustPost(t, s.URL("payments"), "{}", c.header...); got.Status != 200 {
				t.Errorf("answered %d: a signature changes no answer", got.Status)
			}
			if got := only(t, s.Arrivals()).Signature; got != c.want {
				t.Errorf("signature %q, want %q", got, c.want)
			}
		})
	}
}
