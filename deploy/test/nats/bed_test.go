package nats

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long a test waits for what must happen; machines are slow.
const patience = 60 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// options reads a configuration file of deploy/nats, and moves what it listens
// on and where it stores to where a test may.
func options(t *testing.T, file string) *server.Options {
	t.Helper()
	opts, err := server.ProcessConfigFile(filepath.Join("..", "..", "nats", file))
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	opts.Host, opts.Port = "127.0.0.1", server.RANDOM_PORT
	opts.HTTPHost, opts.HTTPPort = "", 0
	opts.StoreDir = t.TempDir()
	return opts
}

func start(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not accept connections")
	}
	return s
}

// client is somebody who has connected as one of the users.
type client struct {
	*nats.Conn
	t  *testing.T
	js jetstream.JetStream

	mu      sync.Mutex
	refused []string
}

func connect(t *testing.T, s *server.Server, user string) *client {
	t.Helper()
	seed, err := nats.NkeyOptionFromSeed(seedFile(user))
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t}
	c.Conn, err = nats.Connect(s.ClientURL(), seed,
		nats.RootCAs(filepath.Join(files, "ca.crt")),
		nats.CustomInboxPrefix(inboxes(user)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.refused = append(c.refused, strings.ToLower(err.Error()))
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if c.js, err = jetstream.New(c.Conn); err != nil {
		t.Fatal(err)
	}
	return c
}

func inboxes(user string) string { return "_INBOX_" + strings.ToLower(user) }

// wasRefused waits for the server to say that something is not permitted.
func (c *client) wasRefused(what, subject string) {
	c.t.Helper()
	if err := c.FlushTimeout(patience); err != nil {
		c.t.Fatal(err)
	}
	want := strings.ToLower("permissions violation for " + what + " to \"" + subject + "\"")
	end := time.Now().Add(patience) // the refusal came before the answer to the flush
	for time.Now().Before(end) {
		c.mu.Lock()
		for _, r := range c.refused {
			if strings.Contains(r, want) {
				c.mu.Unlock()
				return
			}
		}
		c.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	c.t.Errorf("%s to %s was not refused", what, subject)
}

func (c *client) mayNotPublish(subjects ...string) {
	c.t.Helper()
	for _, subject := range subjects {
		if err := c.Publish(subject, []byte("{}")); err != nil {
			c.t.Fatal(err)
		}
		c.wasRefused("publish", subject)
	}
}

func (c *client) mayNotSubscribe(subjects ...string) {
	c.t.Helper()
	for _, subject := range subjects {
		sub, err := c.SubscribeSync(subject)
		if err != nil {
			c.t.Fatal(err)
		}
		c.wasRefused("subscription", subject)
		_ = sub.Unsubscribe()
	}
}

// wasRefusedNothing is for the end of a test of what a user may do.
func (c *client) wasRefusedNothing() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.refused {
		c.t.Error(r)
	}
}

// environment is what a command needs to connect as a user.
func environment(s *server.Server, user string) []string {
	return []string{
		"NATS_URL=" + strings.Replace(s.ClientURL(), "nats://", "tls://", 1),
		"NATS_CA=" + filepath.Join(files, "ca.crt"),
		"NATS_NKEY=" + seedFile(user),
		"NATS_INBOX_PREFIX=" + inboxes(user),
	}
}

// makebridge runs a command to its end and returns what it prints.
func makebridge(t *testing.T, env []string, args ...string) (stdout string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := program(ctx, t, env, args...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Logf("makebridge %s: %v\n%s%s", strings.Join(args, " "), err, out, errors.String())
	}
	return string(out), err == nil
}

func program(ctx context.Context, t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(files, "makebridge"), args...)
	cmd.Env, cmd.Dir = env, t.TempDir()
	return cmd
}

// process is `makebridge run`.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	text strings.Builder
	done chan error
}

func run(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan error, 1)}
	p.cmd = program(context.Background(), t, env, "run")
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("log of the bridge:\n%s", p.log())
		}
	})
	return p
}

// Write takes what the process logs.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// end stops the process as a supervisor does.
func (p *process) end() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	err := <-p.done
	p.done <- err
	if err != nil {
		p.t.Errorf("the bridge ends with %v", err)
	}
}
