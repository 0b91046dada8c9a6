package helm

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

var (
	chartDir    = filepath.Join("..", "..", "helm", "makebridge")
	examplesDir = filepath.Join("..", "..", "helm", "examples")
)

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// examples are the values files, by name.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examplesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return files
}

func valuesOf(t *testing.T, file string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValuesFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// render returns the manifests by template, checked against the schema first, as
// helm does.
func render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, values,
		chartutil.ReleaseOptions{Name: "prod", Namespace: "bridges", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// scaledObject is what of KEDA's type the chart uses.
type scaledObject struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            struct {
		ScaleTargetRef  struct{ APIVersion, Kind, Name string } `json:"scaleTargetRef"`
		MinReplicaCount int                                     `json:"minReplicaCount"`
		MaxReplicaCount int                                     `json:"maxReplicaCount"`
		PollingInterval int                                     `json:"pollingInterval"`
		Fallback        struct {
			FailureThreshold int `json:"failureThreshold"`
			Replicas         int `json:"replicas"`
		} `json:"fallback"`
		Advanced struct {
			HorizontalPodAutoscalerConfig struct {
				Behavior struct {
					ScaleDown struct {
						StabilizationWindowSeconds int `json:"stabilizationWindowSeconds"`
					} `json:"scaleDown"`
				} `json:"behavior"`
			} `json:"horizontalPodAutoscalerConfig"`
		} `json:"advanced"`
		Triggers []struct {
			Type       string            `json:"type"`
			MetricType string            `json:"metricType"`
			Metadata   map[string]string `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}

// serviceMonitor is what of the Prometheus operator's type the chart uses.
type serviceMonitor struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// release is everything that a rendered chart has.
type release struct {
	deployment appsv1.Deployment
	service    corev1.Service
	account    corev1.ServiceAccount
	budget     policyv1.PodDisruptionBudget
	policy     networkingv1.NetworkPolicy
	secret     corev1.Secret
	check      corev1.Pod
	monitor    serviceMonitor
	scaled     scaledObject
	notes      string
}

// read renders the chart and decodes every manifest; a field that the type does
// not know is an error.
func read(t *testing.T, values map[string]any) *release {
	t.Helper()
	manifests, err := render(t, values)
	if err != nil {
		t.Fatal(err)
	}
	var r release
	into := map[string]any{
		"deployment.yaml": &r.deployment, "service.yaml": &r.service, "serviceaccount.yaml": &r.account,
		"poddisruptionbudget.yaml": &r.budget, "networkpolicy.yaml": &r.policy, "secret.yaml": &r.secret,
		"check.yaml": &r.check, "servicemonitor.yaml": &r.monitor, "scaledobject.yaml": &r.scaled,
	}
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		switch base := path.Base(name); {
		case base == "NOTES.txt":
			r.notes = manifests[name]
		case strings.HasPrefix(base, "_") || empty(manifests[name]):
		case into[base] == nil:
			t.Errorf("%s: no test knows this template", name)
		default:
			if err := yaml.UnmarshalStrict([]byte(manifests[name]), into[base]); err != nil {
				t.Errorf("%s: %v\n%s", name, err, manifests[name])
			}
		}
	}
	return &r
}

// empty reports whether a manifest is comments only: its template is off.
func empty(manifest string) bool {
	for line := range strings.Lines(manifest) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "#") {
			return false
		}
	}
	return true
}

// env is what a container is given; what has no value here comes from elsewhere.
func env(c corev1.Container) []string {
	var list []string
	for _, e := range c.Env {
		list = append(list, e.Name+"="+e.Value)
	}
	return list
}
