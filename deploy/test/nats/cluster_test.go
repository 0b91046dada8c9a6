package nats

import (
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// TestThreeNodesKeepEverythingThreeTimes starts the three servers of the one
// file, and has setup and a publisher work there.
func TestThreeNodesKeepEverythingThreeTimes(t *testing.T) {
	routes := "nats-route://127.0.0.1:1" // nobody; the first is found by the others
	var nodes []*server.Server
	for i := range 3 {
		node(t, fmt.Sprint("nats-", i+1), routes)
		nodes = append(nodes, start(t, options(t, "cluster/node.conf")))
		routes = "nats-route://" + nodes[0].ClusterAddr().String()
	}
	eventually(t, "the cluster to have a leader and three members", func() bool {
		for _, n := range nodes {
			if n.JetStreamIsLeader() {
				return len(n.JetStreamClusterPeers()) == len(nodes)
			}
		}
		return false
	})
	env := append(append(environment(nodes[0], operator), routesOn()...), "BRIDGE_STREAM_REPLICAS=3")
	if _, ok := makebridge(t, env, "setup"); !ok {
		t.Fatal("setup fails")
	}
	publish(t, connect(t, nodes[1], publisher), 1)
	c := connect(t, nodes[2], operator)
	for _, name := range []string{"EVENTS", "EVENTS_DLQ"} {
		s, err := c.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if info := s.CachedInfo(); info.Config.Replicas != 3 || len(info.Cluster.Replicas) != 2 {
			t.Errorf("%s has %d replicas, and %d beside its leader", name, info.Config.Replicas, len(info.Cluster.Replicas))
		}
	}

	nodes[0].Shutdown()
	eventually(t, "an event to be stored without one of them", func() bool {
		_, err := c.js.Publish(t.Context(), "redeliver.payments.payments.success", []byte("{}"),
			jetstream.WithRetryAttempts(0), jetstream.WithMsgID("one")) // stored once, however often it is tried
		return err == nil
	})
	if n := stored(t, c, "EVENTS"); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// TestServersShowEachOtherCertificates: whoever has none of the authority joins
// no cluster.
func TestServersShowEachOtherCertificates(t *testing.T) {
	node(t, "nats-1", "nats-route://127.0.0.1:1")
	c := options(t, "cluster/node.conf").Cluster.TLSConfig
	if c == nil || c.ClientCAs == nil || c.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Error("the route listener demands no certificate of the authority")
	}
}

// node sets what one server has in its environment.
func node(t *testing.T, name, routes string) {
	t.Helper()
	for variable, value := range map[string]string{
		"NATS_NAME": name, "NATS_STORE": "/data", "NATS_HTTP": "127.0.0.1:-1",
		"NATS_LISTEN": "127.0.0.1:-1", "NATS_CLUSTER_LISTEN": "127.0.0.1:-1",
		"NATS_ROUTE_1": routes, "NATS_ROUTE_2": routes, "NATS_ROUTE_3": routes,
	} {
		t.Setenv(variable, value)
	}
}
