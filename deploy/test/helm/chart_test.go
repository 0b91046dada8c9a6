package helm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"

	"github.com/makebridge/makebridge/bridge/config"
)

func TestLint(t *testing.T) {
	for _, file := range examples(t) {
		for _, m := range lint.All(chartDir, valuesOf(t, file), "bridges", true).Messages {
			// The one thing missing is an icon.
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %s", filepath.Base(file), m)
			}
		}
	}
}

func TestEveryExampleIsAValidConfiguration(t *testing.T) {
	for _, file := range examples(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := read(t, valuesOf(t, file))
			bridge := r.deployment.Spec.Template.Spec.Containers[0]
			if got, want := env(r.check.Spec.Containers[0]), env(bridge); !slices.Equal(got, want) {
				t.Errorf("helm test checks another configuration:\n%v\n%v", got, want)
			}
			cfg, err := config.Load(mounted(t, env(bridge)))
			if err != nil {
				t.Fatal(err)
			}
			if err := cfg.RequireRoutes(); err != nil {
				t.Error(err)
			}
			if unknown := config.Unknown(env(bridge)); len(unknown) > 0 {
				t.Errorf("variables that mean nothing: %v", unknown)
			}
			grace := time.Duration(*r.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
			if grace < cfg.ShutdownTimeout+10*time.Second {
				t.Errorf("the pod is killed after %s, and the bridge takes up to %s", grace, cfg.ShutdownTimeout)
			}
			if want := ":" + r.service.Spec.Ports[0].TargetPort.String(); bridge.Ports[0].Name != want[1:] {
				t.Errorf("the service leads to %s, the port is called %s", want[1:], bridge.Ports[0].Name)
			}
			if _, port, _ := strings.Cut(cfg.HTTPAddr, ":"); port != "8080" || bridge.Ports[0].ContainerPort != 8080 {
				t.Errorf("listens on %s, the port is %d", cfg.HTTPAddr, bridge.Ports[0].ContainerPort)
			}
		})
	}
}

// mounted puts a file where each variable of a route's secret leads. The files
// for NATS are left out: what has to be in them is nothing that a chart says.
func mounted(t *testing.T, environ []string) []string {
	t.Helper()
	dir := t.TempDir()
	var moved []string
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(value, "/etc/makebridge/") {
			moved = append(moved, e)
			continue
		}
		if !strings.HasPrefix(value, "/etc/makebridge/webhooks/") {
			continue
		}
		file := filepath.Join(dir, strings.ReplaceAll(value, "/", "_"))
		content := "c2VjcmV0" // a key, a signing secret
		if strings.HasSuffix(value, "-url") {
			content = "https://hook.example.com/" + filepath.Base(value)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		moved = append(moved, name+"="+file)
	}
	return moved
}

func TestPodsAreRestricted(t *testing.T) {
	for _, file := range examples(t) {
		r := read(t, valuesOf(t, file))
		for what, pod := range map[string]corev1.PodSpec{"the bridge": r.deployment.Spec.Template.Spec, "helm test": r.check.Spec} {
			p, c := pod.SecurityContext, pod.Containers[0].SecurityContext
			switch {
			case !*p.RunAsNonRoot, *p.RunAsUser == 0, *p.RunAsGroup == 0:
				t.Errorf("%s: %s runs as root", file, what)
			case p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
				t.Errorf("%s: %s has no seccomp profile", file, what)
			case *c.AllowPrivilegeEscalation, !*c.ReadOnlyRootFilesystem, c.Privileged != nil, len(c.Capabilities.Add) > 0,
				!slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}):
				t.Errorf("%s: %s may do more than it needs", file, what)
			case pod.HostNetwork, pod.HostPID, pod.HostIPC:
				t.Errorf("%s: %s sees the host", file, what)
			case *pod.AutomountServiceAccountToken, *r.account.AutomountServiceAccountToken:
				t.Errorf("%s: %s gets a token it does not use", file, what)
			case *pod.EnableServiceLinks:
				t.Errorf("%s: %s gets variables of services", file, what)
			}
			if pod.Containers[0].Resources.Limits.Memory().IsZero() || pod.Containers[0].Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s: %s has no bounds", file, what)
			}
		}
	}
}

// TestSecretsAreFilesThatAreBroughtUpToDate: no secret in the environment, none
// mounted by subPath, and no checksum that would restart pods for one.
func TestSecretsAreFilesThatAreBroughtUpToDate(t *testing.T) {
	const url, key, signing = "https://hook.example.com/canary-url", "canary-key", "Y2FuYXJ5LXNlY3JldA=="
	values := func(url string) map[string]any {
		return map[string]any{"routes": map[string]any{"payments": map[string]any{"url": url, "apiKey": key, "signingSecret": signing}}}
	}
	before, err := render(t, values(url))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range before {
		if filepath.Base(name) == "secret.yaml" {
			continue
		}
		for _, secret := range []string{url, key, signing} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows a secret", name)
			}
		}
	}
	after, err := render(t, values("https://hook.example.com/another"))
	if err != nil {
		t.Fatal(err)
	}
	const deployment = "makebridge/templates/deployment.yaml"
	if before[deployment] == "" || before[deployment] != after[deployment] {
		t.Error("a new URL makes new pods")
	}
	r := read(t, values(url))
	if got := r.secret.StringData; got["payments-url"] != url || got["payments-api-key"] != key || got["payments-signing-secret"] != signing {
		t.Errorf("the Secret has the keys %v", len(got))
	}
	for _, m := range r.deployment.Spec.Template.Spec.Containers[0].VolumeMounts {
		if m.SubPath != "" || !m.ReadOnly {
			t.Errorf("%s is mounted by subPath or writable", m.Name)
		}
	}
	for _, want := range []string{"URL_FILE=/etc/makebridge/webhooks/payments-url", "API_KEY_FILE=/etc/makebridge/webhooks/payments-api-key",
		"SIGNING_SECRET_FILE=/etc/makebridge/webhooks/payments-signing-secret"} {
		if !slices.Contains(env(r.deployment.Spec.Template.Spec.Containers[0]), "MAKE_WEBHOOK_PAYMENTS_"+want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestSelectorsFindTheirPods: the service, the budget and the monitor mean the
// bridge's pods only; the network policy the test's too.
func TestSelectorsFindTheirPods(t *testing.T) {
	r := read(t, valuesOf(t, filepath.Join(examplesDir, "production.yaml")))
	pod, test := r.deployment.Spec.Template.Labels, r.check.Labels
	for name, selector := range map[string]map[string]string{
		"deployment": r.deployment.Spec.Selector.MatchLabels, "service": r.service.Spec.Selector,
		"budget": r.budget.Spec.Selector.MatchLabels,
		"spread": r.deployment.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
	} {
		if !matches(selector, pod) || matches(selector, test) {
			t.Errorf("%s selects %v", name, selector)
		}
	}
	if !matches(r.monitor.Spec.Selector.MatchLabels, r.service.Labels) {
		t.Errorf("the monitor selects %v", r.monitor.Spec.Selector.MatchLabels)
	}
	if s := r.policy.Spec.PodSelector.MatchLabels; !matches(s, pod) || !matches(s, test) {
		t.Errorf("the network policy selects %v", s)
	}
	if r.monitor.Spec.Endpoints[0].Port != r.service.Spec.Ports[0].Name {
		t.Error("the monitor names another port than the service")
	}
}

func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

func TestScalingFollowsWhatCanBeDelivered(t *testing.T) {
	r := read(t, valuesOf(t, filepath.Join(examplesDir, "keda.yaml")))
	if r.deployment.Spec.Replicas != nil {
		t.Error("the deployment sets the replicas that KEDA sets")
	}
	if r.scaled.Spec.ScaleTargetRef.Name != r.deployment.Name || r.scaled.Spec.MinReplicaCount < 1 {
		t.Errorf("scales %+v", r.scaled.Spec)
	}
	trigger := r.scaled.Spec.Triggers[0]
	const want = `sum(max by (route) (makebridge_pending{namespace="bridges",route=~"messages|support-tickets"}))`
	if trigger.Type != "prometheus" || trigger.Metadata["query"] != want {
		t.Errorf("%s: %s", trigger.Type, trigger.Metadata["query"])
	}
}
