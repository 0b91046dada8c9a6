package config

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// Server is the address of one NATS server.
type Server struct {
	// Name is the address without user, password, path and query.
	Name string
	// Address is all of it.
	Address bridge.Secret
}

// String returns the name.
func (s Server) String() string { return s.Name }

// hasUser reports whether the address authenticates by itself.
func (s Server) hasUser() bool {
	u, err := url.Parse(s.Address.Reveal())
	return err == nil && u.User != nil
}

// withoutUser returns the same server without its user information.
func (s Server) withoutUser() Server {
	u, err := url.Parse(s.Address.Reveal())
	if err != nil {
		return s
	}
	u.User = nil
	return Server{s.Name, bridge.NewSecret(u.String())}
}

// parseServers reads a comma-separated list. A missing scheme is nats://.
func parseServers(value string) ([]Server, error) {
	var (
		list       []Server
		websockets int
	)
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		if !strings.Contains(item, "://") {
			item = "nats://" + item
		}
		u, message := parseServer(item)
		if message != "" {
			return nil, fault("server " + strconv.Itoa(len(list)+1) + " " + message)
		}
		if strings.HasPrefix(u.Scheme, "ws") {
			websockets++
		}
		list = append(list, Server{u.Scheme + "://" + u.Host, bridge.NewSecret(item)})
	}
	switch {
	case len(list) == 0:
		return nil, fault("must list at least one server")
	case websockets != 0 && websockets != len(list):
		return nil, fault("must not mix WebSocket servers with others")
	}
	return list, nil
}

func parseServer(address string) (*url.URL, string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "is not a URL"
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return nil, "must start with nats://, tls://, ws:// or wss://"
	}
	if u.Hostname() == "" {
		return nil, "has no host"
	}
	if port := u.Port(); port != "" && !validPort(port) {
		return nil, "has no valid port"
	}
	return u, ""
}
