package config

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// serve runs a NATS server for a test and returns its address.
func serve(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.Addr().String()
}

func connect(t *testing.T, environ ...string) error {
	t.Helper()
	c := load(t, environ...)
	opts, err := c.NATS.Options()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(c.NATS.URL(), append(opts, nats.Timeout(20*time.Second))...)
	if err != nil {
		return err
	}
	defer nc.Close()
	return nc.FlushTimeout(20 * time.Second)
}

func TestConnect(t *testing.T) {
	t.Parallel()
	seed, public := newNKey(t)
	otherSeed, _ := newNKey(t)
	acc, otherAcc := newAccount(t), newAccount(t)
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(acc.public, acc.token); err != nil {
		t.Fatal(err)
	}
	keys := newPKI(t)

	password := "nats://" + serve(t, &server.Options{Username: "u", Password: "p@ss"})
	token := "nats://" + serve(t, &server.Options{Authorization: "t0ken"})
	nkey := "nats://" + serve(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	creds := "nats://" + serve(t, &server.Options{TrustedOperators: []*jwt.OperatorClaims{acc.operator}, AccountResolver: resolver})
	tlsOnly := "nats://" + serve(t, &server.Options{TLSConfig: keys.serverTLS(t), TLSVerify: true, TLSTimeout: 20})
	tlsFirst := "nats://" + serve(t, &server.Options{TLSConfig: keys.serverTLS(t), TLSVerify: true, TLSTimeout: 20, TLSHandshakeFirst: true})
	withUser := func(address, user string) string { return strings.Replace(address, "//", "//"+user+"@", 1) }
	context := func(settings map[string]any) string {
		content, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		return "NATS_CONTEXT=" + file(t, string(content))
	}

	for _, c := range []struct {
		name    string
		refused []string
		good    []string
	}{
		{"user and password", []string{"NATS_URL=" + password, "NATS_USER=u", "NATS_PASSWORD=x"}, []string{"NATS_URL=" + password, "NATS_USER=u", "NATS_PASSWORD=p@ss"}},
		{"user in the URL", []string{"NATS_URL=" + withUser(password, "u:x")}, []string{"NATS_URL=" + withUser(password, "u:p%40ss")}},
		{"token", []string{"NATS_URL=" + token, "NATS_TOKEN=x"}, []string{"NATS_URL=" + token, "NATS_TOKEN=t0ken"}},
		{"token as user", []string{"NATS_URL=" + token}, []string{"NATS_URL=" + token, "NATS_USER=t0ken"}},
		{"nkey", []string{"NATS_URL=" + nkey, "NATS_NKEY=" + otherSeed}, []string{"NATS_URL=" + nkey, "NATS_NKEY=" + seed}},
		{"creds", []string{"NATS_URL=" + creds, "NATS_CREDS=" + otherAcc.creds}, []string{"NATS_URL=" + creds, "NATS_CREDS=" + acc.creds}},
		{"TLS", []string{"NATS_URL=" + tlsOnly, "NATS_CA=" + keys.ca}, []string{"NATS_URL=" + tlsOnly, "NATS_CA=" + keys.ca, "NATS_CERT=" + keys.cert, "NATS_KEY=" + keys.key}},
		{"context", []string{"NATS_URL=" + password}, []string{context(map[string]any{"url": password, "user": "u", "password": "p@ss"})}},
		{"context with nkey", []string{"NATS_URL=" + nkey}, []string{context(map[string]any{"url": nkey, "nkey": seed})}},
		{"context with token", []string{"NATS_URL=" + token}, []string{context(map[string]any{"url": token, "token": "t0ken"})}},
		{
			"context with TLS first",
			[]string{context(map[string]any{"url": tlsFirst, "tls_first": true})},
			[]string{context(map[string]any{"url": tlsFirst, "ca": keys.ca, "cert": keys.cert, "key": keys.key, "tls_first": true})},
		},
		{
			"password over context",
			[]string{context(map[string]any{"url": password, "user": "u", "password": "x"})},
			[]string{context(map[string]any{"url": withUser(password, "u:x"), "creds": acc.creds}), "NATS_USER=u", "NATS_PASSWORD=p@ss"},
		},
		{
			"creds over context",
			[]string{context(map[string]any{"url": creds, "nkey": otherSeed})},
			[]string{context(map[string]any{"url": creds, "nkey": otherSeed}), "NATS_CREDS=" + acc.creds},
		},
		{
			"user in the URL over context",
			[]string{context(map[string]any{"url": password, "creds": acc.creds})},
			[]string{context(map[string]any{"url": password, "creds": acc.creds}), "NATS_URL=" + withUser(password, "u:p%40ss")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := connect(t, c.refused...); err == nil {
				t.Errorf("the server lets in whoever comes")
			}
			if err := connect(t, c.good...); err != nil {
				t.Errorf("connect: %v", err)
			}
		})
	}
}

func TestContextByName(t *testing.T) {
	t.Parallel()
	for _, dir := range []struct{ variable, below string }{{"XDG_CONFIG_HOME", ""}, {"HOME", ".config"}} {
		root := t.TempDir()
		contexts := filepath.Join(root, dir.below, "nats", "context")
		if err := os.MkdirAll(contexts, 0o700); err != nil {
			t.Fatal(err)
		}
		content := `{"url":"nats://a:1,nats://b:2","inbox_prefix":"_INBOX_x","jetstream_domain":"leaf","token":"t"}`
		if err := os.WriteFile(filepath.Join(contexts, "staging.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		environ := []string{dir.variable + "=" + root, "NATS_CONTEXT=staging"}

		n := load(t, environ...).NATS
		if n.URL() != "nats://a:1,nats://b:2" || n.InboxPrefix != "_INBOX_x" || n.JSDomain != "leaf" || n.Token.Reveal() != "t" {
			t.Errorf("%s: got %+v", dir.variable, n)
		}
		n = load(t, append(environ, "NATS_URL=c", "NATS_INBOX_PREFIX=_INBOX_y", "NATS_JS_DOMAIN=hub", "NATS_USER=u", "NATS_PASSWORD=p")...).NATS
		if n.URL() != "nats://c" || n.InboxPrefix != "_INBOX_y" || n.JSDomain != "hub" || n.User != "u" || !n.Token.IsZero() {
			t.Errorf("%s: what is set explicitly does not win: %+v", dir.variable, n)
		}
		got := problemsOf(t, dir.variable+"="+root, "NATS_CONTEXT=production")
		if diff := cmp.Diff([]string{"NATS_CONTEXT: there is no such context: nats context ls lists those of this user"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dir.variable, diff)
		}
	}
	want := []string{"NATS_CONTEXT: cannot be found by name: neither XDG_CONFIG_HOME nor HOME is set"}
	if diff := cmp.Diff(want, problemsOf(t, "NATS_CONTEXT=staging")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The process's own environment must not show through.
func TestContextIgnoresTheProcess(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("NATS_CONTEXT", "elsewhere")
	t.Setenv("BRIDGE_STREAM", "ELSEWHERE")
	c := load(t)
	if c.NATS.Context != "" || c.Stream.Name != "EVENTS" {
		t.Errorf("got %q, %q", c.NATS.Context, c.Stream.Name)
	}
}

func TestPathsOfAContext(t *testing.T) {
	t.Parallel()
	acc := newAccount(t)
	dir, base := filepath.Split(acc.creds)
	for _, path := range []string{"~/" + base, "$WHERE/" + base} {
		c := load(t, "HOME="+dir, "WHERE="+strings.TrimSuffix(dir, "/"), "NATS_CONTEXT="+file(t, fmt.Sprintf(`{"creds":%q}`, path)))
		if c.NATS.Creds != acc.creds {
			t.Errorf("%s is %s", path, c.NATS.Creds)
		}
	}
	if c := load(t, "HOME="+dir, "NATS_CREDS=~/"+base); c.NATS.Creds != acc.creds {
		t.Errorf("NATS_CREDS is %s", c.NATS.Creds)
	}
}

func TestProblemsOfAuthentication(t *testing.T) {
	t.Parallel()
	keys := newPKI(t)
	acc := newAccount(t)
	other := newPKI(t)
	for _, c := range []struct {
		environ []string
		want    []string
	}{
		{[]string{"NATS_CREDS=" + acc.creds, "NATS_TOKEN=t"}, []string{"NATS_TOKEN: more than one authentication is set: NATS_CREDS, NATS_TOKEN; keep one"}},
		{[]string{"NATS_URL=nats://u:p@h", "NATS_TOKEN=t"}, []string{"NATS_URL: more than one authentication is set: NATS_TOKEN, the user in NATS_URL; keep one"}},
		{[]string{"NATS_PASSWORD=p"}, []string{"NATS_PASSWORD: is set but NATS_USER is not"}},
		{[]string{"NATS_CERT=" + keys.cert, "NATS_JS_DOMAIN=*"}, []string{"NATS_CERT: must be set together with NATS_KEY", "NATS_JS_DOMAIN: must be one word without . * >"}},
		{[]string{"NATS_CERT=/nonexistent", "NATS_KEY=/nonexistent"}, []string{"NATS_CERT: the file: no such file or directory", "NATS_KEY: the file: no such file or directory"}},
		{[]string{"NATS_CERT=" + keys.cert, "NATS_KEY=" + other.key}, []string{"NATS_CERT: the file does not hold the certificate of NATS_KEY in PEM"}},
		{[]string{"NATS_CREDS=" + os.DevNull}, []string{"NATS_CREDS: the file is not a regular file"}},
		{[]string{"NATS_CREDS=" + keys.cert}, []string{"NATS_CREDS: the file does not hold a user's JWT and its seed"}},
		{[]string{"NATS_CONTEXT=" + file(t, `{"ca":"/nonexistent"}`)}, []string{"NATS_CONTEXT: what it has for NATS_CA: the file: no such file or directory"}},
	} {
		if diff := cmp.Diff(c.want, problemsOf(t, c.environ...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// A context's SOCKS proxy is dialled instead of the server.
func TestProxyOfAContext(t *testing.T) {
	t.Parallel()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	greeting := make(chan byte, 1)
	go func() {
		defer close(greeting)
		conn, err := proxy.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		first := make([]byte, 1)
		if _, err := io.ReadFull(conn, first); err == nil {
			greeting <- first[0]
		}
	}()
	settings := fmt.Sprintf(`{"url":"nats://nats.invalid:4222","socks_proxy":"socks5://%s"}`, proxy.Addr())
	if err := connect(t, "NATS_CONTEXT="+file(t, settings)); err == nil {
		t.Error("connected through a proxy that hangs up")
	}
	proxy.Close()
	if got := <-greeting; got != 5 { // RFC 1928 §3
		t.Errorf("the proxy was greeted with %d", got)
	}
}

// A file may go bad between loading and connecting.
func TestOptionsOfAFileThatIsGone(t *testing.T) {
	t.Parallel()
	seed, _ := newNKey(t)
	n := load(t, "NATS_NKEY="+seed).NATS
	if err := os.Remove(seed); err != nil {
		t.Fatal(err)
	}
	_, err := n.Options()
	if err == nil || strings.Contains(err.Error(), seed) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsOfTheDefault(t *testing.T) {
	t.Parallel()
	o := nats.GetDefaultOptions()
	opts, err := load(t, "NATS_INBOX_PREFIX=_INBOX_b").NATS.Options()
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range opts {
		if err := option(&o); err != nil {
			t.Fatal(err)
		}
	}
	if o.InboxPrefix != "_INBOX_b" || o.TLSConfig != (*tls.Config)(nil) || o.User != "" || o.Token != "" {
		t.Errorf("got %+v", o)
	}
}
