package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/config"
)

// unit is a unit file: the values of each key of each section, in their order.
type unit map[string]map[string][]string

func read(t *testing.T) unit {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "systemd", "makebridge.service"))
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			u[section] = map[string][]string{}
		default:
			key, value, found := strings.Cut(line, "=")
			if !found {
				t.Fatalf("no key=value: %s", line)
			}
			u[section][key] = append(u[section][key], value)
		}
	}
	return u
}

// TestUnitIsAValidConfiguration loads the environment as the program does, with
// the credentials where systemd puts them.
func TestUnitIsAValidConfiguration(t *testing.T) {
	service := read(t)["Service"]
	credentials := t.TempDir()
	var loaded []string
	for _, c := range service["LoadCredential"] {
		name, source, _ := strings.Cut(c, ":")
		if !strings.HasPrefix(source, "/etc/makebridge/secrets/") {
			t.Errorf("%s is loaded from %s", name, source)
		}
		loaded = append(loaded, name)
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("https://hook.example.com/"+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var env []string
	for _, e := range service["Environment"] {
		name, value, _ := strings.Cut(e, "=")
		file, isCredential := strings.CutPrefix(value, "%d/")
		if isCredential && !slices.Contains(loaded, file) {
			t.Errorf("%s names a credential that is not loaded", name)
		}
		if name == "NATS_NKEY" {
			continue // what is in the file is no webhook
		}
		env = append(env, name+"="+strings.Replace(value, "%d", credentials, 1))
	}
	cfg, err := config.Load(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.RequireRoutes(); err != nil {
		t.Error(err)
	}
	if unknown := config.Unknown(env); len(unknown) > 0 {
		t.Errorf("variables that mean nothing: %v", unknown)
	}
	stop, err := time.ParseDuration(service["TimeoutStopSec"][0])
	if err != nil || stop < cfg.ShutdownTimeout+10*time.Second {
		t.Errorf("is killed after %s, and takes up to %s (%v)", stop, cfg.ShutdownTimeout, err)
	}
}

func TestUnitIsASandbox(t *testing.T) {
	u := read(t)
	for key, want := range map[string]string{
		"ExecStart": "/usr/local/bin/makebridge run", "Restart": "always", "DynamicUser": "yes", "KillSignal": "SIGTERM",
		"ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "PrivateUsers": "yes",
		"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
		"MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native", "RestrictNamespaces": "yes", "UMask": "0077",
		"RestartPreventExitStatus": "2",
	} {
		if got := u["Service"][key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if len(u["Service"]["MemoryMax"]) == 0 {
		t.Error("memory has no bound")
	}
	if got := u["Unit"]["StartLimitIntervalSec"]; !slices.Equal(got, []string{"0"}) {
		t.Errorf("gives up starting after some time: %q", got)
	}
}
