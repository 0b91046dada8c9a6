package prometheus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/telemetry"
)

// exposed returns the metrics of a bridge that has everything, with the labels
// of each. Prometheus adds job and instance.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	u, err := bridge.ParseWebhookURL("https://hook.example.com/x", false)
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Hour
	m := telemetry.NewMetrics(telemetry.MetricsConfig{
		Version: "1.2.3", Routes: []string{"payments"},
		Destination: func(string) *bridge.Destination {
			return &bridge.Destination{URL: u, Limit: bridge.Limit{Requests: 300, Window: 10 * time.Second}}
		},
		Held:            func(string) string { return "" },
		Connected:       func() bool { return true },
		Ordered:         func() []telemetry.Ordered { return []telemetry.Ordered{{Route: "payments"}} },
		ReceiptsDropped: func() uint64 { return 0 },
		Backlog: func(context.Context) ([]telemetry.Backlog, error) {
			return []telemetry.Backlog{{Route: "payments", MaxAckPending: 1, OldestExpires: &expires}}, nil
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	running := make(chan struct{})
	go func() { defer close(running); m.Run(ctx) }()
	defer func() { stop(); <-running }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if all := labelsByMetric(w.Body.String()); all["makebridge_pending"] != nil {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("the backlog is not exposed:\n%s", w.Body)
		}
	}
}

// labelsByMetric reads the text format.
func labelsByMetric(text string) map[string][]string {
	all := map[string][]string{}
	label := regexp.MustCompile(`([a-z_]+)="`)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(strings.Fields(line)[0], "{")
		all[name] = append(all[name], "job", "instance")
		for _, l := range label.FindAllStringSubmatch(rest, -1) {
			all[name] = append(all[name], l[1])
		}
		slices.Sort(all[name])
		all[name] = slices.Compact(all[name])
	}
	return all
}
