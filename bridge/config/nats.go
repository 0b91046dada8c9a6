package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"golang.org/x/net/proxy"

	"github.com/makebridge/makebridge/bridge"
)

// NATS says how to reach NATS: what the NATS_ variables say and, below it, what
// the context says that they name.
type NATS struct {
	Servers []Server `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222" secret:"true" meaning:"servers, comma-separated"`
	// Context is the name or the absolute path of a context of the nats CLI.
	Context string `env:"NATS_CONTEXT" meaning:"a nats CLI context, by name or absolute path; what is set explicitly wins over it"`
	// Creds and NKey are paths of files that are read at every connect.
	Creds    string        `env:"NATS_CREDS" meaning:"file of user credentials"`
	NKey     string        `env:"NATS_NKEY" meaning:"file of a user's nkey seed"`
	User     string        `env:"NATS_USER" meaning:"user; without NATS_PASSWORD it is a token"`
	Password bridge.Secret `env:"NATS_PASSWORD" secret:"true" meaning:"password of NATS_USER"`
	Token    bridge.Secret `env:"NATS_TOKEN" secret:"true" meaning:"authentication token"`
	// CA, Cert and Key are paths of PEM files.
	CA   string `env:"NATS_CA" meaning:"file of the certificate authority of the servers"`
	Cert string `env:"NATS_CERT" meaning:"file of the client certificate"`
	Key  string `env:"NATS_KEY" meaning:"file of the client certificate's key"`
	// TLSFirst and Proxy, a SOCKS proxy's URL, come from a context only.
	TLSFirst bool
	Proxy    bridge.Secret

	InboxPrefix string `env:"NATS_INBOX_PREFIX" meaning:"prefix of the bridge's inboxes, for locked-down accounts"`
	JSDomain    string `env:"NATS_JS_DOMAIN" meaning:"JetStream domain, for leaf nodes"`
}

// URL returns the servers as nats.Connect takes them, comma-separated. It may
// carry user and password and is not for printing; Servers are.
func (n NATS) URL() string {
	list := make([]string, len(n.Servers))
	for i, s := range n.Servers {
		list[i] = s.Address.Reveal()
	}
	return strings.Join(list, ",")
}

// Options returns what nats.Connect needs beside the URL: authentication, TLS,
// inbox prefix, proxy. How to reconnect, and what to tell about it, is left to
// the caller. The files are read here and again by the client as it connects;
// an error says which one is at fault, without what it holds.
func (n NATS) Options() ([]nats.Option, error) {
	var opts []nats.Option
	add := func(o nats.Option) { opts = append(opts, o) }
	switch {
	case n.Creds != "":
		add(nats.UserCredentials(n.Creds))
	case n.NKey != "":
		option, err := nats.NkeyOptionFromSeed(n.NKey)
		if err != nil {
			return nil, fmt.Errorf("read nkey seed: %s", faultOf(err, "the file holds none"))
		}
		add(option)
	case n.User != "":
		add(nats.UserInfo(n.User, n.Password.Reveal()))
	case !n.Token.IsZero():
		add(nats.Token(n.Token.Reveal()))
	}
	if n.CA != "" {
		add(nats.RootCAs(n.CA))
	}
	if n.Cert != "" {
		add(nats.ClientCert(n.Cert, n.Key))
	}
	if n.TLSFirst {
		add(nats.TLSHandshakeFirst())
	}
	if n.InboxPrefix != "" {
		add(nats.CustomInboxPrefix(n.InboxPrefix))
	}
	if !n.Proxy.IsZero() {
		dialer, err := socksDialer(n.Proxy)
		if err != nil {
			return nil, err
		}
		add(nats.SetCustomDialer(dialer))
	}
	return opts, nil
}

// socksDialer does not wrap the errors it gets: they quote the URL.
func socksDialer(address bridge.Secret) (nats.CustomDialer, error) {
	u, err := url.Parse(address.Reveal())
	if err != nil {
		return nil, fault("the SOCKS proxy is not a URL")
	}
	dialer, err := proxy.FromURL(u, proxy.Direct)
	if err != nil {
		return nil, fault("the SOCKS proxy must be a URL such as socks5://127.0.0.1:1080")
	}
	return dialer, nil
}
