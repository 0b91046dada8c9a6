package webhook

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEachRequestIsMarked: with its answer, and without the wait for the next.
func TestEachRequestIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		answers := answering(500, 200)
		c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Second}, func(w http.ResponseWriter, r *http.Request) {
			steps = append(steps, "request")
			answers(w, r)
		})
		r := newEvent(t, hook)
		var marked time.Duration
		r.Mark = func(context.Context) func() {
			steps = append(steps, "mark")
			begin := time.Now()
			return func() {
				steps = append(steps, "done")
				marked += time.Since(begin)
			}
		}
		c.Deliver(t.Context(), r, func(context.Context) error {
			steps = append(steps, "again")
			return nil
		})
		if diff := cmp.Diff([]string{"mark", "request", "done", "again", "mark", "request", "done"}, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if marked > 0 {
			t.Errorf("marked for %s of the second that it waited", marked)
		}
	})
}
