package webhook

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

// TestHooksOfEachRequest: what counts and traces requests is told of each one,
// in order, and its trace headers travel.
func TestHooksOfEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var told []string
		c := newPipeClient(t, Config{
			Sending: func(r bridge.Request) { told = append(told, "sending "+r.EventID) },
			Observe: func(a Attempt) { told = append(told, "answer "+a.Code) },
			Trace: func(ctx context.Context, _ bridge.Request, number int) (parent, state string, end func(string, bridge.Answer)) {
				told = append(told, fmt.Sprint("trace ", number, ctx.Value(key{})))
				return fmt.Sprint("parent-", number), "state", func(code string, a bridge.Answer) {
					told = append(told, "end "+code+" "+a.Class.String())
				}
			},
		}, func(w http.ResponseWriter, r *http.Request) {
			told = append(told, r.Header.Get("traceparent")+" "+r.Header.Get("tracestate"))
			if r.Header.Get("X-Delivery-Attempt") == "1" {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		r := newEvent(t, hook)
		r.TraceParent, r.TraceState = "of-the-event", "of-the-event"

		c.Deliver(context.WithValue(t.Context(), key{}, " in context"), r, goOn)

		want := []string{
			"trace 1 in context", "sending evt-1", "parent-1 state", "answer 500", "end 500 failed",
			"trace 2 in context", "sending evt-1", "parent-2 state", "answer 200", "end 200 delivered",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
