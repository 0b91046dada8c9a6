package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

// clusterAckWait is far longer than a stream or a consumer is without a leader
// (the others wait for 4 to 9 s before they elect one), so that nothing that is
// in a replica's hands is delivered again.
const clusterAckWait = 30 * time.Second

// clusterConcurrency is that of a replica.
const clusterConcurrency = 8

// clusterWorld is a world whose NATS is a cluster.
type clusterWorld struct {
	*world
	cluster *cluster
}

func newClusterWorld(t *testing.T, makecom standin.Config) *clusterWorld {
	t.Helper()
	w := &clusterWorld{&world{t: t}, newCluster(t)}
	w.furnish(w.cluster.url(), makecom)
	w.env = append(w.env, fmt.Sprint("BRIDGE_STREAM_REPLICAS=", clusterSize), "BRIDGE_ACK_WAIT="+clusterAckWait.String(),
		fmt.Sprint("BRIDGE_CONCURRENCY=", clusterConcurrency))
	return w
}
