package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/makebridge/makebridge/bridge/testbed"
)

// chaosClusterAckWait is the bridges' ack wait beside a cluster: about as long
// as an election, so that some end before it and some do not.
const chaosClusterAckWait = 10 * time.Second

// useNATS takes the NATS that MAKEBRIDGE_CHAOS_NATS asks for: single, which is
// the default, or cluster.
func (c *chaos) useNATS() {
	c.t.Helper()
	switch which := os.Getenv("MAKEBRIDGE_CHAOS_NATS"); which {
	case "", "single":
		c.servers = []*chaosProcess{newChaosServer(c.t, c.harms)}
		c.url = c.servers[0].url
	case "cluster":
		c.cluster = prepareCluster(c.t, c.harms)
		for _, s := range c.cluster.servers {
			c.servers = append(c.servers, s.chaosProcess)
		}
		c.url = c.cluster.url()
	default:
		c.t.Fatalf("MAKEBRIDGE_CHAOS_NATS is %q, want single or cluster", which)
	}
}

// env is what the bridges are told about NATS beyond its address.
func (c *chaos) env() []string {
	if c.cluster == nil {
		return nil
	}
	return []string{fmt.Sprint("BRIDGE_STREAM_REPLICAS=", clusterSize), fmt.Sprint("BRIDGE_ACK_WAIT=", chaosClusterAckWait)}
}

// connect connects the publishers.
func (c *chaos) connect() {
	c.t.Helper()
	if c.cluster != nil {
		c.cluster.connect()
		c.js = c.cluster.js
		return
	}
	c.js = testbed.Connect(c.t, c.url)
}

// harmNATS harms the server, or one server of a cluster after another.
func (c *chaos) harmNATS(ctx context.Context, dice *rand.Rand) {
	const shortest, longest = 3 * time.Second, 5 * time.Second
	if c.cluster == nil {
		// The kill, of which a run has to have one, comes first: a slow machine may
		// come no further.
		if c.harmOnce(ctx, c.servers[0], dice, between(dice, shortest, longest), chaosKill) {
			c.harm(ctx, c.servers[0], dice, shortest, longest)
		}
		return
	}
	deck := []func(context.Context, *rand.Rand) error{
		c.killLeader("EVENTS", "payments"), c.killLeader("EVENTS", "support-tickets"), c.killLeader("EVENTS", ""),
		c.killLeader("KV_makebridge", ""), c.killFollower, c.freezeServer, c.rollServers,
	}
	for {
		dice.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, do := range deck {
			if !chaosPause(ctx, between(dice, shortest, longest)) {
				return
			}
			if err := do(context.WithoutCancel(ctx), dice); err != nil {
				c.t.Error(err)
				return
			}
		}
	}
}

// harmsToNATS names what must be done to NATS in any run, and in a long one.
func (c *chaos) harmsToNATS() (often, seldom []string) {
	if c.cluster != nil {
		return []string{"server leader killed"}, []string{"server follower killed", "server frozen", "server restarted"}
	}
	return []string{"server killed"}, []string{"server stopped", "server frozen"}
}

// harmServer does something to one server of the cluster. It lasts until all
// servers are whole again, so there is always a majority that has everything.
func (c *chaos) harmServer(ctx context.Context, s *clusterServer, kind string, do func() error) error {
	h := chaosHarm{kind: kind, name: chaosServer, life: s.life, from: time.Now()}
	if err := do(); err != nil {
		return err
	}
	err := c.cluster.heal(ctx)
	h.to = time.Now()
	c.harms.add(h)
	return err
}

// leads returns the leader of a stream or a consumer, or any server if none is
// known.
func (c *chaos) leads(ctx context.Context, stream, consumer string, dice *rand.Rand) *clusterServer {
	someone := c.cluster.servers[dice.IntN(clusterSize)]
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if info := c.cluster.clusterInfo(ctx, stream, consumer); info != nil {
		if s := c.cluster.named(info.Leader); s != nil {
			return s
		}
	}
	return someone
}

func (c *chaos) killLeader(stream, consumer string) func(context.Context, *rand.Rand) error {
	return func(ctx context.Context, dice *rand.Rand) error {
		return c.killServer(ctx, c.leads(ctx, stream, consumer, dice), "leader killed", dice)
	}
}

func (c *chaos) killFollower(ctx context.Context, dice *rand.Rand) error {
	leader := c.leads(ctx, "EVENTS", "", dice)
	for _, i := range dice.Perm(clusterSize) {
		if s := c.cluster.servers[i]; s != leader {
			return c.killServer(ctx, s, "follower killed", dice)
		}
	}
	return nil
}

// killServer starts it again after a while: before or after the others have
// elected leaders.
func (c *chaos) killServer(ctx context.Context, s *clusterServer, kind string, dice *rand.Rand) error {
	return c.harmServer(ctx, s, kind, func() error {
		if err := s.signal(syscall.SIGKILL); err != nil {
			return err
		}
		<-s.exited
		chaosPause(ctx, between(dice, 0, chaosClusterAckWait))
		return s.start(ctx)
	})
}

// freezeServer keeps the leader of the stream, or another server, from running,
// mostly for so long that the others do without it.
func (c *chaos) freezeServer(ctx context.Context, dice *rand.Rand) error {
	s := c.cluster.servers[dice.IntN(clusterSize)]
	if dice.IntN(2) == 0 {
		s = c.leads(ctx, "EVENTS", "", dice)
	}
	return c.harmServer(ctx, s, "frozen", func() error {
		if err := s.signal(syscall.SIGSTOP); err != nil {
			return err
		}
		chaosPause(ctx, between(dice, time.Second, 15*time.Second))
		return s.signal(syscall.SIGCONT)
	})
}

// rollServers restarts one server after another, as an update does.
func (c *chaos) rollServers(ctx context.Context, _ *rand.Rand) error {
	for _, s := range c.cluster.servers {
		err := c.harmServer(ctx, s, "restarted", func() error {
			if err := s.stop(); err != nil {
				return err
			}
			return s.start(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
