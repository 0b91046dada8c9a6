package standin_test

import (
	"slices"
	"testing"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestFaultsByPathAndEveryNth(t *testing.T) {
	s := serve(t, standin.Config{Faults: []standin.Fault{
		{Path: "payments", Do: standin.Status(503), Rate: standin.Every(3)},
		{Do: standin.QueueFull(), Rate: standin.Every(2)},
	}})
	// The second fault sees only the requests that the first has left over.
	got, want := statuses(t, s.URL("payments"), 7), []int{200, 400, 503, 200, 400, 503, 200}
	if !slices.Equal(got, want) {
		t.Errorf("payments: %v, want %v", got, want)
	}
	if got, want := statuses(t, s.URL("errors"), 2), []int{400, 200}; !slices.Equal(got, want) {
		t.Errorf("errors: %v, want %v", got, want)
	}
}

func TestChanceIsRepeatableAndFair(t *testing.T) {
	run := func(seed uint64, first standin.Rate) []int {
		s := serve(t, standin.Config{Seed: seed, Faults: []standin.Fault{
			{Path: "other", Do: standin.Status(500), Rate: first},
			{Do: standin.Status(429), Rate: standin.Chance(0.25)},
		}})
		return statuses(t, s.URL("payments"), 200)
	}
	first := run(1, standin.Chance(0.5))
	if !slices.Equal(first, run(1, standin.Every(2))) {
		t.Error("another fault changed the chances of this one")
	}
	if slices.Equal(first, run(2, standin.Chance(0.5))) {
		t.Error("another seed gave the same faults")
	}
	struck := 0
	for _, status := range first {
		if status == 429 {
			struck++
		}
	}
	if struck < 30 || struck > 70 { // repeatable, so this never flickers
		t.Errorf("a chance of 0.25 struck %d of 200", struck)
	}
}

func TestRateZeroAndOne(t *testing.T) {
	s := serve(t, standin.Config{Faults: []standin.Fault{
		{Path: "never", Do: standin.Status(500), Rate: standin.Chance(0)},
		{Path: "always", Do: standin.Status(500), Rate: standin.Chance(1)},
	}})
	if got, want := statuses(t, s.URL("never"), 3), []int{200, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("chance 0: %v", got)
	}
	if got, want := statuses(t, s.URL("always"), 3), []int{500, 500, 500}; !slices.Equal(got, want) {
		t.Errorf("chance 1: %v", got)
	}
}
