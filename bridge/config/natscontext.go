package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/makebridge/makebridge/bridge"
)

// readContext finds a context where the nats CLI keeps it: below
// XDG_CONFIG_HOME, else .config in HOME, as the given environment has them. An
// absolute path is the file itself.
func readContext(name string, e environment) (natscontext.Settings, error) {
	var s natscontext.Settings
	path, err := contextPath(name, e)
	if err != nil {
		return s, err
	}
	content, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) {
		return s, fault("there is no such context: nats context ls lists those of this user")
	}
	if err != nil {
		return s, fault(fileFault(err, "cannot be read"))
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fault("the file does not hold a context in JSON")
	}
	return s, nil
}

func contextPath(name string, e environment) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	if strings.Contains(name, "..") || strings.ContainsAny(name, `/\`) {
		return "", fault("must be the name of a context or an absolute path")
	}
	dir := e.get("XDG_CONFIG_HOME")
	if dir == "" {
		if !e.isSet("HOME") {
			return "", fault("cannot be found by name: neither XDG_CONFIG_HOME nor HOME is set")
		}
		dir = filepath.Join(e.get("HOME"), ".config")
	}
	return filepath.Join(dir, "nats", "context", name+".json"), nil
}

// merge takes from a context what is not set explicitly. Authentication is
// taken as a whole or not at all.
func (n *NATS) merge(s natscontext.Settings, e environment, authenticated bool, found *problems) {
	if s.JSAPIPrefix != "" {
		found.add("NATS_CONTEXT", "has a jetstream_api_prefix, which is not supported; a jetstream_domain is")
	}
	if !e.isSet("NATS_URL") && s.URL != "" {
		servers, err := parseServers(s.URL)
		if err != nil {
			found.add("NATS_CONTEXT", "its url: "+faultOf(err, "is not valid"))
		}
		for i := range servers {
			if authenticated {
				// The client prefers the user of a URL to everything else.
				servers[i] = servers[i].withoutUser()
			}
		}
		n.Servers = servers
	}
	if !authenticated {
		n.mergeAuthentication(s, e, found)
	}
	n.mergeTLS(s, e, found)
	if s.SocksProxy != "" {
		n.Proxy = bridge.NewSecret(s.SocksProxy)
		if _, err := socksDialer(n.Proxy); err != nil {
			found.add("NATS_CONTEXT", faultOf(err, "its socks_proxy is not valid"))
		}
	}
	n.InboxPrefix = either(n.InboxPrefix, s.InboxPrefix)
	n.JSDomain = either(n.JSDomain, s.JSDomain)
}

func (n *NATS) mergeAuthentication(s natscontext.Settings, e environment, found *problems) {
	switch {
	case s.User != "":
		n.User, n.Password = s.User, bridge.NewSecret(s.Password)
	case s.Creds != "":
		n.Creds = os.Expand(s.Creds, e.get) // as the nats CLI does
	case s.NKey != "":
		n.NKey = s.NKey
	case s.Token != "":
		n.Token = bridge.NewSecret(s.Token)
	case s.NSCLookup != "":
		found.add("NATS_CONTEXT", "looks its credentials up with nsc, which is not supported; set NATS_CREDS")
	case s.UserJwt != "":
		found.add("NATS_CONTEXT", "has a user_jwt, which is not supported; set NATS_CREDS")
	}
}

func (n *NATS) mergeTLS(s natscontext.Settings, e environment, found *problems) {
	n.TLSFirst = s.TLSFirst
	n.CA = either(n.CA, s.CA)
	switch {
	case e.isSet("NATS_CERT") || e.isSet("NATS_KEY"):
	case (s.Cert == "") != (s.Key == ""):
		found.add("NATS_CONTEXT", "must have cert and key together")
	case s.Cert != "":
		n.Cert, n.Key = s.Cert, s.Key
	case s.WinCertStoreType != "":
		found.add("NATS_CONTEXT", "uses a Windows certificate store, which is not supported; set NATS_CERT and NATS_KEY")
	}
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}
