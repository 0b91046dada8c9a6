package standin_test

import (
	"slices"
	"testing"

	"github.com/makebridge/makebridge/bridge/standin"
)

func statuses(t *testing.T, url string, n int) []int {
	t.Helper()
	got := make([]int, n)
	for i := range got {
		got[i] = mustPost(t, url, "{}").Status
	}
	return got
}

func TestScriptsInTheirOrder(t *testing.T) {
	s := serve(t, standin.Config{Faults: []standin.Fault{{Do: standin.Status(500)}}})
	s.Script("/payments", standin.Status(503), standin.QueueFull())
	s.Script("payments", standin.Status(410)) // the same path, after those
	s.Script("", standin.Status(429))
	s.Default("errors", standin.Status(404))

	if got, want := statuses(t, s.URL("errors"), 2), []int{404, 404}; !slices.Equal(got, want) {
		t.Errorf("a path with a default: %v, want %v", got, want)
	}
	if got, want := statuses(t, s.URL("payments"), 5), []int{503, 400, 410, 429, 500}; !slices.Equal(got, want) {
		t.Errorf("script, script of all paths, fault: %v, want %v", got, want)
	}
	s.Default("", standin.Accept())
	if got, want := statuses(t, s.URL("payments"), 1), []int{200}; !slices.Equal(got, want) {
		t.Errorf("default of all paths, before the fault: %v, want %v", got, want)
	}
	s.Decide("", nil)
	if got, want := statuses(t, s.URL("payments"), 1), []int{500}; !slices.Equal(got, want) {
		t.Errorf("fault again: %v, want %v", got, want)
	}
}

func TestDecideByTheEvent(t *testing.T) {
	s := serve(t, standin.Config{})
	s.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.EventID == "poison" && string(a.Body) == `{"n":1}` {
			return standin.Status(422)
		}
		return standin.Behaviour{}
	})
	if got := mustPost(t, s.URL("payments"), `{"n":1}`, "webhook-id", "poison"); got.Status != 422 {
		t.Errorf("poison answered %d", got.Status)
	}
	if got := mustPost(t, s.URL("payments"), `{"n":1}`, "webhook-id", "food"); got.Status != 200 {
		t.Errorf("food answered %d", got.Status)
	}
}
