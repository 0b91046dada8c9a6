package standin

import (
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Signature says whether a request was signed as Standard Webhooks 1.0 asks.
type Signature string

// The states of a signature.
const (
	// SignatureUnchecked: there is no key to check with, or the body was too
	// large to be kept.
	SignatureUnchecked Signature = ""
	// SignatureOK: one of the keys made it, and its timestamp is within five
	// minutes of now.
	SignatureOK Signature = "ok"
	// SignatureMissing: there is none.
	SignatureMissing Signature = "missing"
	// SignatureBad: it is malformed, old, or another key's.
	SignatureBad Signature = "bad"
)

func verify(keys [][]byte, h http.Header, body []byte) Signature {
	if len(keys) == 0 {
		return SignatureUnchecked
	}
	for _, key := range keys {
		w, err := standardwebhooks.NewWebhookRaw(key)
		if err == nil && w.Verify(body, h) == nil {
			return SignatureOK
		}
	}
	if h.Get("webhook-signature") == "" {
		return SignatureMissing
	}
	return SignatureBad
}
