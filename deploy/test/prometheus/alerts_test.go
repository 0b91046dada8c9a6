package prometheus

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"
)

const testsFile = "../../prometheus/tests.yaml"

// scenario is one test of tests.yaml, which has the form that promtool reads.
type scenario struct {
	Name   string         `yaml:"name"`
	Every  model.Duration `yaml:"interval"`
	Series []struct {
		Series, Values string
	} `yaml:"input_series"`
	Alerts []expectation `yaml:"alert_rule_test"`
}

// expectation is which alerts of a name fire at a time.
type expectation struct {
	At     model.Duration `yaml:"eval_time"`
	Name   string         `yaml:"alertname"`
	Firing []alert        `yaml:"exp_alerts"`
}

type alert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

func scenarios(t *testing.T) (all []scenario, order []string) {
	t.Helper()
	b, err := os.ReadFile(testsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Order []string   `yaml:"group_eval_order"`
		Tests []scenario `yaml:"tests"`
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file.Tests, file.Order
}

// TestAlertsFire runs tests.yaml with Prometheus' own engine. promtool does the
// same; building it takes longer than all other tests together.
func TestAlertsFire(t *testing.T) {
	all, order := scenarios(t)
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) { s.run(t, order) })
	}
}

func (s scenario) run(t *testing.T, order []string) {
	var load strings.Builder
	fmt.Fprintf(&load, "load %s\n", s.Every)
	for _, series := range s.Series {
		fmt.Fprintf(&load, "  %s %s\n", series.Series, series.Values)
	}
	data, err := promqltest.NewLazyLoader(load.String(), promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true})
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(data.QueryEngine(), data.Storage()), AppendableV2: data.Storage(),
		Context: t.Context(), Logger: promslog.NewNopLogger(), Parser: parser.NewParser(parser.Options{}),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	found, errs := manager.LoadGroups(time.Duration(s.Every), labels.EmptyLabels(), "", nil, false, alertsFile)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	groups := slices.SortedFunc(maps.Values(found), func(a, b *rules.Group) int {
		return slices.Index(order, a.Name()) - slices.Index(order, b.Name())
	})
	end := slices.MaxFunc(s.Alerts, func(a, b expectation) int { return int(a.At - b.At) }).At
	for at := time.Duration(0); at <= time.Duration(end); at += time.Duration(s.Every) {
		now := time.Unix(0, 0).UTC().Add(at)
		data.WithSamplesTill(now, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				g.Eval(data.Context(), now)
				for _, r := range g.Rules() {
					if err := r.LastError(); err != nil {
						t.Fatalf("%s: %v", r.Name(), err)
					}
				}
			}
		})
		for _, e := range s.Alerts {
			if time.Duration(e.At) == at {
				e.check(t, groups)
			}
		}
	}
}

// check compares what fires now with what is expected.
func (e expectation) check(t *testing.T, groups []*rules.Group) {
	t.Helper()
	var firing []alert
	for _, g := range groups {
		for _, r := range g.AlertingRules() {
			if r.Name() != e.Name {
				continue
			}
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					l := a.Labels.Map()
					delete(l, labels.AlertName)
					firing = append(firing, alert{l, a.Annotations.Map()})
				}
			}
		}
	}
	if diff := cmp.Diff(e.Firing, firing); diff != "" && len(e.Firing)+len(firing) > 0 {
		t.Errorf("%s after %s (-want +got):\n%s", e.Name, e.At, diff)
	}
}

// TestEveryAlertIsSeenFiring, and not firing.
func TestEveryAlertIsSeenFiring(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	all, _ := scenarios(t)
	for _, s := range all {
		for _, e := range s.Alerts {
			if len(e.Firing) > 0 {
				fires[e.Name] = true
			} else {
				quiet[e.Name] = true
			}
		}
	}
	for _, g := range groups(t) {
		for _, r := range g.Rules {
			if r.Alert != "" && (!fires[r.Alert] || !quiet[r.Alert]) {
				t.Errorf("tests.yaml does not show when %s fires and when it does not", r.Alert)
			}
		}
	}
}
