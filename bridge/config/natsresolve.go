package config

import (
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// resolve puts the context below what is set explicitly, and checks what
// results as far as that goes without connecting.
func (n *NATS) resolve(e environment, found *problems) {
	explicit := n.authentication(e, found)
	if n.Context != "" {
		if s, err := readContext(n.Context, e); err != nil {
			found.add("NATS_CONTEXT", faultOf(err, "is not valid"))
		} else {
			n.merge(s, e, explicit, found)
		}
	}
	if e.isSet("NATS_CERT") != e.isSet("NATS_KEY") {
		found.add("NATS_CERT", "must be set together with NATS_KEY")
		n.Cert, n.Key = "", ""
	}
	n.checkFiles(e, found)
	n.checkNames(e, found)
}

// authentication reports whether any is set explicitly, and that it is one.
func (n *NATS) authentication(e environment, found *problems) bool {
	var ways []string
	for _, name := range []string{"NATS_CREDS", "NATS_NKEY", "NATS_USER", "NATS_TOKEN"} {
		if e.isSet(name) {
			ways = append(ways, name)
		}
	}
	if e.isSet("NATS_URL") && slices.ContainsFunc(n.Servers, Server.hasUser) {
		ways = append(ways, "the user in NATS_URL")
	}
	if len(ways) > 1 {
		found.add(strings.TrimPrefix(ways[len(ways)-1], "the user in "), "more than one authentication is set: "+strings.Join(ways, ", ")+"; keep one")
	}
	if e.isSet("NATS_PASSWORD") && !e.isSet("NATS_USER") {
		found.add("NATS_PASSWORD", "is set but NATS_USER is not")
	}
	if n.User != "" && n.Password.IsZero() {
		// As the nats CLI reads it.
		n.Token, n.User = bridge.NewSecret(n.User), ""
	}
	return len(ways) > 0
}

// checkFiles reads what the client will read, so that it is told of at the
// start and all at once.
func (n *NATS) checkFiles(e environment, found *problems) {
	for _, path := range []*string{&n.Creds, &n.NKey, &n.CA, &n.Cert, &n.Key} {
		*path = e.home(*path)
	}
	check := func(variable, path, holds string, try func() error) (ok bool) {
		if path == "" {
			return true
		}
		_, err := readFile(path)
		if err == nil {
			err = try()
		}
		if err != nil {
			n.blame(variable, fileFault(err, "does not hold "+holds), e, found)
		}
		return err == nil
	}
	readable := func() error { return nil }
	check("NATS_CREDS", n.Creds, "a user's JWT and its seed", func() error { return tryCreds(n.Creds) })
	check("NATS_NKEY", n.NKey, "a user's nkey seed", func() error { return tryNKey(n.NKey) })
	check("NATS_CA", n.CA, "a certificate in PEM", func() error { return nats.RootCAs(n.CA)(new(nats.Options)) })
	if check("NATS_KEY", n.Key, "", readable) {
		check("NATS_CERT", n.Cert, "the certificate of NATS_KEY in PEM", func() error {
			return nats.ClientCert(n.Cert, n.Key)(new(nats.Options))
		})
	} else {
		check("NATS_CERT", n.Cert, "", readable)
	}
}

// tryCreds does what the client does with credentials as it connects.
func tryCreds(path string) error {
	var o nats.Options
	if err := nats.UserCredentials(path)(&o); err != nil {
		return err
	}
	if _, err := o.UserJWT(); err != nil {
		return err
	}
	_, err := o.SignatureCB([]byte("nonce"))
	return err
}

func tryNKey(path string) error {
	_, err := nats.NkeyOptionFromSeed(path)
	return err
}

func (n *NATS) checkNames(e environment, found *problems) {
	if n.InboxPrefix != "" && !subjects.ValidLiteral(n.InboxPrefix) {
		n.blame("NATS_INBOX_PREFIX", "must be a subject without wildcards", e, found)
	}
	if n.JSDomain != "" && (!subjects.ValidLiteral(n.JSDomain) || strings.Contains(n.JSDomain, ".")) {
		n.blame("NATS_JS_DOMAIN", "must be one word without . * >", e, found)
	}
}

// blame tells of a setting under the name of the variable that it came from,
// its own or the context's.
func (n *NATS) blame(variable, message string, e environment, found *problems) {
	if !e.isSet(variable) && n.Context != "" {
		found.add("NATS_CONTEXT", "what it has for "+variable+": "+message)
		return
	}
	found.add(variable, message)
}
