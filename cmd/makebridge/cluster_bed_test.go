package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/testbed"
)

// clusterSize is the number of NATS servers: one of them may be away.
const clusterSize = 3

// cluster is three NATS servers, processes of their own, that keep R3 streams
// together. They sync to the disk as nats-server does unless it is told
// otherwise, and tell no client of each other, so that a client has the servers
// in its list and no more.
type cluster struct {
	t       *testing.T
	servers []*clusterServer
	js      jetstream.JetStream // of the test's own
}

// clusterServer is one of them.
type clusterServer struct {
	*chaosProcess
	health string // where it says whether it has everything that the others have
}

// clusterURL is the cluster for clients: all servers.
func (c *cluster) url() string {
	urls := make([]string, len(c.servers))
	for i, s := range c.servers {
		urls[i] = s.url
	}
	return strings.Join(urls, ",")
}

// newCluster starts the servers and waits until they keep R3 streams.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := prepareCluster(t, &chaosHarms{})
	for _, s := range c.servers {
		if err := s.start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.connect()
	return c
}

// prepareCluster returns a cluster whose servers do not run yet.
func prepareCluster(t *testing.T, h *chaosHarms) *cluster {
	t.Helper()
	c := &cluster{t: t}
	free := freeAddresses(t, 3*clusterSize)
	clients, routes, health := free[:clusterSize], free[clusterSize:2*clusterSize], free[2*clusterSize:]
	for i := range clusterSize {
		name, dir := fmt.Sprint(chaosServer, "-", i+1), t.TempDir()
		file := filepath.Join(dir, "nats.conf")
		config := fmt.Sprintf("server_name: %s\nhttp: %s\ncluster { name: test, listen: %q, no_advertise: true, routes: [ nats://%s ] }\n",
			name, health[i], routes[i], strings.Join(routes, ", nats://"))
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(clients[i])
		p := newChaosProcess(t, h, name, func(exe, life string) *exec.Cmd {
			cmd := exec.Command(exe, port, dir, file)
			cmd.Env = append(os.Environ(), beServer+"=1", tellStalls+"="+life)
			return cmd
		})
		p.url = "nats://" + clients[i]
		p.ready = func(ctx context.Context) error { return dialable(ctx, clients[i]) }
		c.servers = append(c.servers, &clusterServer{p, "http://" + health[i] + "/healthz"})
	}
	return c
}

// freeAddresses returns addresses that nobody listens on.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	free := make([]string, n)
	for i, port := range testbed.FreePorts(t, n) {
		free[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return free
}

// connect connects the test's own client, once the servers have found each
// other.
func (c *cluster) connect() {
	c.t.Helper()
	nc, err := nats.Connect(c.url(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.PingInterval(time.Second))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	if c.js, err = jetstream.New(nc); err != nil {
		c.t.Fatal(err)
	}
	c.eventually("R3 streams", func(ctx context.Context) bool {
		s, err := c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "PROBE", Replicas: clusterSize})
		if err != nil || s.CachedInfo().Cluster == nil || s.CachedInfo().Cluster.Leader == "" {
			return false
		}
		return c.js.DeleteStream(ctx, "PROBE") == nil
	})
	c.whole()
}

// eventually waits for a condition, and asks in vain for a second at most.
func (c *cluster) eventually(what string, ok func(context.Context) bool) {
	c.t.Helper()
	once := func() bool {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		return ok(ctx)
	}
	for end := time.Now().Add(patience); !once(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// whole waits until every server has all that the others have. Until then one
// that was killed may have forgotten what it had confirmed, and must not be one
// of two that are left.
func (c *cluster) whole() {
	c.t.Helper()
	if err := c.heal(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// heal is whole for any goroutine.
func (c *cluster) heal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range c.servers {
		for !s.healthy(ctx) {
			if !chaosPause(ctx, 20*time.Millisecond) {
				return fmt.Errorf("wait for %s to be healthy: %w", s.name, ctx.Err())
			}
		}
	}
	return nil
}

func (s *clusterServer) healthy(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.health, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// named returns a server by its name.
func (c *cluster) named(name string) *clusterServer {
	for _, s := range c.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

// leader waits until a stream, or one of its consumers if one is named, has a
// leader, and returns it.
func (c *cluster) leader(stream, consumer string) *clusterServer {
	c.t.Helper()
	var leader *clusterServer
	c.eventually("a leader of "+stream+" "+consumer, func(ctx context.Context) bool {
		info := c.clusterInfo(ctx, stream, consumer)
		if info != nil {
			leader = c.named(info.Leader)
		}
		return leader != nil
	})
	return leader
}

// lead makes a server the leader of a stream, or of one of its consumers.
func (c *cluster) lead(s *clusterServer, stream, consumer string) {
	c.t.Helper()
	subject := "$JS.API.STREAM.LEADER.STEPDOWN." + stream
	if consumer != "" {
		subject = "$JS.API.CONSUMER.LEADER.STEPDOWN." + stream + "." + consumer
	}
	for c.leader(stream, consumer) != s {
		_, err := c.js.Conn().Request(subject, fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, s.name), patience)
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

// clusterInfo returns who keeps a stream or a consumer; nil: not known.
func (c *cluster) clusterInfo(ctx context.Context, stream, consumer string) *jetstream.ClusterInfo {
	if consumer == "" {
		s, err := c.js.Stream(ctx, stream)
		if err != nil {
			return nil
		}
		return s.CachedInfo().Cluster
	}
	one, err := c.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return nil
	}
	return one.CachedInfo().Cluster
}

// kill ends a server with SIGKILL.
func (c *cluster) kill(s *clusterServer) {
	c.t.Helper()
	if err := s.signal(syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
	<-s.exited
}

// restart starts a server that has exited, with its store.
func (c *cluster) restart(s *clusterServer) {
	c.t.Helper()
	if err := s.start(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// roll restarts one server after another, each as soon as all are whole.
func (c *cluster) roll() {
	c.t.Helper()
	for _, s := range c.servers {
		if err := s.stop(); err != nil {
			c.t.Fatal(err)
		}
		c.restart(s)
		c.whole()
	}
}

// led reports whether what is known of a consumer comes from its leader. A
// server of a cluster that has just started knows nothing of it yet but its
// configuration, and says so as if nothing were pending.
func led(i jetstream.ConsumerInfo) bool { return i.Cluster == nil || i.Cluster.Leader != "" }
