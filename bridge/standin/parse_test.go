package standin_test

import (
	"strings"
	"testing"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]struct {
		path, do string
		rate     standin.Rate
	}{
		"429":                  {"", "429", standin.Rate{}},
		"payments=429:0.1":     {"/payments", "429", standin.Chance(0.1)},
		"/payments=410":        {"/payments", "410", standin.Rate{}},
		"queue-full:1/50":      {"", "queue-full", standin.Every(50)},
		"hang:0":               {"", "hang", standin.Chance(0)},
		"reset:1":              {"", "reset", standin.Rate{}},
		"accept-reset:1/1":     {"", "accept-reset", standin.Rate{}},
		"a=b:c=500:1e-3":       {"/a=b:c", "500", standin.Chance(0.001)},
		"support-tickets=599:": {},
		"":                     {},
		"=429":                 {},
		"payments":             {},
		"payments=":            {},
		"199":                  {},
		"600":                  {},
		"0429":                 {},
		"+42":                  {},
		"Hang":                 {},
		"429:":                 {},
		"429:1.1":              {},
		"429:-0.1":             {},
		"429:NaN":              {},
		"429:often":            {},
		"429:1/0":              {},
		"429:1/-3":             {},
		"429:2/3":              {},
		"429:1/2:0.5":          {},
		" 429":                 {},
	} {
		t.Run(text, func(t *testing.T) {
			f, err := standin.ParseFault(text)
			if want.do == "" {
				if err == nil {
					t.Fatalf("parsed as %v", f)
				}
				if !strings.Contains(err.Error(), standin.FaultUsage) {
					t.Errorf("error does not say what is allowed: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Path != want.path || f.Do.String() != want.do || f.Rate != want.rate {
				t.Errorf("parsed as %q %q %q, want %+v", f.Path, f.Do, f.Rate, want)
			}
		})
	}
}

func TestParsedFaultsDoWhatTheySay(t *testing.T) {
	for text, want := range map[string]struct {
		status  int
		body    string
		outcome standin.Outcome
	}{
		"410":          {410, "There is no scenario listening for this webhook.", standin.OutcomeAnswered},
		"queue-full":   {400, "Queue is full.", standin.OutcomeAnswered},
		"reset":        {0, "", standin.OutcomeReset},
		"accept-reset": {0, "", standin.OutcomeAcceptedReset},
	} {
		t.Run(text, func(t *testing.T) {
			f, err := standin.ParseFault("payments=" + text)
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, standin.Config{Faults: []standin.Fault{f}})
			got, _ := post(t, s.URL("payments"), "{}")
			if a := only(t, s.Arrivals()); got.Status != want.status || got.Body != want.body || a.Outcome != want.outcome {
				t.Errorf("%d %q %s, want %+v", got.Status, got.Body, a.Outcome, want)
			}
		})
	}
}

// What is parsed prints as a text that parses to the same fault, and what is
// refused is refused with a reason in one line.
func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{"429", "payments=429:0.1", "/a=hang", "queue-full:1/50", "a=b=reset:1e-9", "accept-reset:0x1p-2", "=", ":", "500:1/", "x=200:NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := standin.ParseFault(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of %q has more than a line: %v", text, err)
			}
			return
		}
		twice, err := standin.ParseFault(once.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, once, err)
		}
		if twice.Path != once.Path || twice.Do.String() != once.Do.String() || twice.Rate != once.Rate {
			t.Errorf("%q prints as %q, which is another fault: %q", text, once, twice)
		}
	})
}
