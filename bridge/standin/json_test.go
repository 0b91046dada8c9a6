package standin_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestArrivalAsALine(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		arrival standin.Arrival
		want    string
	}{
		"event": {
			standin.Arrival{
				Number: 4, Time: at, Method: "POST", Path: "/payments", EventID: "e1", Type: "payment.success",
				Subject: "payments.success", Delivery: 1, Attempt: 2, Status: 200, Outcome: standin.OutcomeAnswered,
				Signature: standin.SignatureOK, Body: []byte("{\n  \"n\": 12345678901234567890\n}"),
				Header: http.Header{"User-Agent": {"makebridge/1"}, "X-Make-Apikey": {"sesame"}, "Accept": {"a", "b"}},
			},
			`{"time":"2026-03-01T11:00:00.005Z","method":"POST","path":"/payments","status":200,"outcome":"answered",` +
				`"event_id":"e1","type":"payment.success","subject":"payments.success","delivery":1,"attempt":2,` +
				`"signature":"ok","headers":{"Accept":"a, b","User-Agent":"makebridge/1"},"body":{"n":12345678901234567890}}`,
		},
		"bare": {
			standin.Arrival{Time: at, Method: "GET", Path: "/x", Query: "a=1", Outcome: standin.OutcomeReset},
			`{"time":"2026-03-01T11:00:00.005Z","method":"GET","path":"/x","query":"a=1","status":0,"outcome":"reset",` +
				`"event_id":"","type":"","subject":"","delivery":0,"attempt":0}`,
		},
		"not JSON": {
			standin.Arrival{Time: at, Method: "POST", Path: "/x", Outcome: standin.OutcomeHung, Body: []byte("hi\n")},
			`{"time":"2026-03-01T11:00:00.005Z","method":"POST","path":"/x","status":0,"outcome":"hung",` +
				`"event_id":"","type":"","subject":"","delivery":0,"attempt":0,"body_base64":"aGkK"}`,
		},
		"not UTF-8": {
			standin.Arrival{Time: at, Method: "POST", Path: "/x", Outcome: standin.OutcomePending, Body: []byte("\"\xff\"")},
			`{"time":"2026-03-01T11:00:00.005Z","method":"POST","path":"/x","status":0,"outcome":"pending",` +
				`"event_id":"","type":"","subject":"","delivery":0,"attempt":0,"body_base64":"Iv8i"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(c.arrival)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinesFromARun(t *testing.T) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	s := serve(t, standin.Config{APIKey: "sesame", OnArrival: func(a standin.Arrival) {
		if err := lines.Encode(a); err != nil {
			t.Error(err)
		}
	}})
	mustPost(t, s.URL("payments"), `{"n":1}`, "webhook-id", "e1", "x-make-apikey", "sesame")
	mustPost(t, s.URL("payments"), `{"n":2}`, "webhook-id", "e2", "x-make-apikey", "sesame")
	if got := bytes.Count(out.Bytes(), []byte("\n")); got != 2 {
		t.Errorf("%d lines, want 2:\n%s", got, out.Bytes())
	}
	if bytes.Contains(out.Bytes(), []byte("sesame")) {
		t.Errorf("the API key is in the lines:\n%s", out.Bytes())
	}
}
