package container

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/makebridge/makebridge/bridge/config"
)

func project(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", "..", "compose.yaml")}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestComposeNeedsNothingButItself: no variable, no secret and no file that is
// not in the repository.
func TestComposeNeedsNothingButItself(t *testing.T) {
	p := project(t)
	if got := p.ServiceNames(); !slices.Equal(got, []string{"grafana", "makebridge", "makecom", "nats", "prometheus"}) {
		t.Errorf("services %v", got)
	}
	bridge := p.Services["makebridge"]
	if *bridge.Deploy.Replicas != 2 || len(bridge.Ports) > 0 {
		t.Errorf("%d replicas with %d ports on the host: they would be in each other's way", *bridge.Deploy.Replicas, len(bridge.Ports))
	}
	cfg, err := config.Load(environment(t, bridge))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Off) > 0 || len(cfg.Routes) != 8 {
		t.Errorf("%d routes are on, and off are %v", len(cfg.Routes), cfg.Off)
	}
	for _, r := range cfg.Routes {
		if r.Destination.URL.Reveal().Host != "makecom:8099" {
			t.Errorf("%s leads to %s", r.Name, r.Destination.URL)
		}
	}
	if grace := time.Duration(*bridge.StopGracePeriod); grace < cfg.ShutdownTimeout+10*time.Second {
		t.Errorf("is killed after %s, and takes up to %s", grace, cfg.ShutdownTimeout)
	}
	if got := bridge.HealthCheck.Test; !slices.Equal(got, []string{"CMD", "/makebridge", "healthy", "--ready"}) {
		t.Errorf("asks for health by %q", got)
	}
	if unknown := config.Unknown(environment(t, bridge)); len(unknown) > 0 {
		t.Errorf("variables that mean nothing: %v", unknown)
	}
}

// environment is what the bridge is given, with the mount of the webhooks undone.
func environment(t *testing.T, s types.ServiceConfig) []string {
	t.Helper()
	var webhooks string
	for _, v := range s.Volumes {
		if v.Target == "/run/webhooks" && v.ReadOnly {
			webhooks = v.Source
		}
	}
	var env []string
	for name, value := range s.Environment {
		env = append(env, name+"="+strings.Replace(*value, "/run/webhooks", webhooks, 1))
	}
	return env
}

func TestComposeContainersMayDoLittle(t *testing.T) {
	p := project(t)
	for _, name := range []string{"makebridge", "makecom"} {
		s := p.Services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it needs", name)
		}
	}
	for name, s := range p.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to the network at %s", name, port.Published)
			}
		}
		if _, tag, found := strings.Cut(s.Image, ":"); s.Build == nil && (!found || tag == "latest") {
			t.Errorf("%s takes whatever version of %s there is", name, s.Image)
		}
	}
}

func TestComposeTakesWebhooksOfOnesOwn(t *testing.T) {
	bridge := project(t, "MAKEBRIDGE_WEBHOOKS=/etc/makebridge/webhooks", "BRIDGE_ALLOW_HTTP=false").Services["makebridge"]
	if got := environment(t, bridge); !slices.Contains(got, "MAKE_WEBHOOK_PAYMENTS_URL_FILE=/etc/makebridge/webhooks/payments-url") ||
		!slices.Contains(got, "BRIDGE_ALLOW_HTTP=false") {
		t.Errorf("is given %v", got)
	}
}

// TestComposeServerForgetsNothing reads the server's file as the server does.
func TestComposeServerForgetsNothing(t *testing.T) {
	nats := project(t).Services["nats"]
	if want := "nats:" + server.VERSION + "-alpine"; nats.Image != want {
		t.Errorf("runs %s, and the bridge is tested with %s", nats.Image, want)
	}
	file := filepath.Join("..", "..", "compose", filepath.Base(nats.Command[len(nats.Command)-1]))
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !opts.JetStream || !opts.SyncAlways || opts.StoreDir != "/data" || opts.MaxPayload < 5<<20 {
		t.Errorf("JetStream %v in %s, sync always %v, messages of up to %d bytes", opts.JetStream, opts.StoreDir, opts.SyncAlways, opts.MaxPayload)
	}
	stored := false
	for _, v := range nats.Volumes {
		stored = stored || v.Type == types.VolumeTypeVolume && v.Target == opts.StoreDir
		if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
			t.Error(err)
		}
	}
	if !stored {
		t.Errorf("no volume at %s", opts.StoreDir)
	}
}
