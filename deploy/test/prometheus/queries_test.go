package prometheus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	alertsFile = "../../prometheus/alerts.yaml"
	dashboards = "../../grafana/dashboards/*.json"
	// runbookFile is where the alerts' annotation runbook leads.
	runbookFile = "../../RUNBOOK.md"
)

// groups returns the rules, which Prometheus would accept.
func groups(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	all, errs := rulefmt.ParseFile(alertsFile, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.FailNow()
	}
	return all.Groups
}

// dashboard is what is read of Grafana's format.
type dashboard struct {
	UID    string `json:"uid"`
	Panels []struct {
		ID          int    `json:"id"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Description string `json:"description"`
		Targets     []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
}

func readDashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(dashboards)
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// queries returns every expression, by where it is.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, g := range groups(t) {
		for _, r := range g.Rules {
			all[r.Alert+r.Record] = r.Expr
		}
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$route", ".*")
	for file, d := range readDashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				all[file+": "+p.Title] = variables.Replace(q.Expr)
			}
		}
		for _, v := range d.Templating.List {
			if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
				metric, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
				all[file+": variable "+v.Name] = "count by (" + label + ") (" + metric + ")"
			}
		}
	}
	return all
}

// TestQueriesAskForWhatTheBridgeExposes: every metric of an alert or a
// dashboard exists, and so does every label that is asked for.
func TestQueriesAskForWhatTheBridgeExposes(t *testing.T) {
	known := exposed(t)
	for _, g := range groups(t) {
		for _, r := range g.Rules {
			if r.Record != "" {
				known[r.Record] = []string{strings.Split(r.Record, ":")[0]} // level:metric:operation
			}
		}
	}
	all := queries(t)
	if len(all) < 40 {
		t.Errorf("only %d expressions were found", len(all))
	}
	for where, query := range all {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		checkLabels(t, where, expr, known)
	}
}

// checkLabels looks each metric of an expression up, the labels it is chosen
// by, and those that are grouped by.
func checkLabels(t *testing.T, where string, expr parser.Expr, known map[string][]string) {
	t.Helper()
	var grouped, there []string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				grouped = append(append(grouped, n.VectorMatching.MatchingLabels...), n.VectorMatching.Include...)
			}
		case *parser.VectorSelector:
			has, ok := known[n.Name]
			if !ok {
				t.Errorf("%s: the bridge exposes no %s", where, n.Name)
			}
			there = append(there, has...)
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel && !slices.Contains(has, m.Name) {
					t.Errorf("%s: %s has no label %s", where, n.Name, m.Name)
				}
			}
		}
		return nil
	})
	for _, label := range grouped {
		if !slices.Contains(there, label) {
			t.Errorf("%s: nothing in it has the label %s", where, label)
		}
	}
}

// TestAlertsSayWhatToDo: whoever is woken knows what it is, what to do first, and
// where to read on.
func TestAlertsSayWhatToDo(t *testing.T) {
	sections := anchors(t)
	for _, g := range groups(t) {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			for _, a := range []string{"summary", "description", "hint"} {
				if r.Annotations[a] == "" {
					t.Errorf("%s has no %s", r.Alert, a)
				}
			}
			if link := r.Annotations["runbook"]; !sections[link] {
				t.Errorf("%s: the runbook has no section %q", r.Alert, link)
			}
			if s := r.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, s) {
				t.Errorf("%s has the severity %q", r.Alert, s)
			}
		}
	}
}

// anchors returns links to the sections of the runbook, as alerts have them.
func anchors(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(runbookFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			anchor := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")
			all["deploy/RUNBOOK.md#"+anchor] = true
		}
	}
	return all
}

// TestDashboardsAreWhole: panels are told apart by their ids, and say what they
// show.
func TestDashboardsAreWhole(t *testing.T) {
	for file, d := range readDashboards(t) {
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have the id %d", file, p.ID)
			}
			ids[p.ID] = true
			if p.Type != "row" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0) {
				t.Errorf("%s: panel %d %q has no title, description or query", file, p.ID, p.Title)
			}
		}
		if d.UID == "" {
			t.Errorf("%s has no uid: every import would be another dashboard", file)
		}
	}
}
