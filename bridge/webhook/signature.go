package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// signatures signs a request with each of the keys, as Standard Webhooks 1.0
// has it: "v1," and the base64 of the HMAC-SHA256 of id.timestamp.body,
// separated by spaces.
func signatures(keys []bridge.Secret, id, timestamp string, body []byte) string {
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		_, _ = io.WriteString(mac, id+"."+timestamp+".")
		_, _ = mac.Write(body)
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}
