package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/testbed"
)

const (
	// chaosDuration is for how long faults are made, unless
	// MAKEBRIDGE_CHAOS_DURATION says otherwise. Draining comes on top.
	chaosDuration = 20 * time.Second
	// chaosMore is how much longer they may be made where chance or a slow machine
	// had it that some of what a run is there for did not happen.
	chaosMore = 90 * time.Second
	// chaosDrain is how long the rest may take after the last fault, beyond the
	// duration of the faults itself: what piled up goes out at the limit's pace.
	chaosDrain = 90 * time.Second
)

// TestChaos is the promise of the bridge as a whole: a publisher keeps a ledger
// of what JetStream acknowledged while bridges and the NATS server, processes
// of their own, are killed, stopped and frozen, and the webhooks fail in every
// way that make.com and the network know. Then everything is well again, what
// is left is delivered, and the ledger is compared with what arrived.
//
// To run it for longer, or with the choices of an earlier run:
//
//	MAKEBRIDGE_CHAOS_DURATION=10m MAKEBRIDGE_CHAOS_SEED=7 \
//	  go test -v -run TestChaos -timeout 40m ./cmd/makebridge
//
// With MAKEBRIDGE_CHAOS_NATS=cluster the NATS server is three, which never
// forget what they acknowledged; see chaos_cluster_test.go.
//
// -v shows the seed and the counts of a run that passes, too; -artifacts keeps
// the logs of the processes. The seed decides what is done to whom, and when,
// but not how the machine schedules it: two runs with one seed are alike and
// not the same.
func TestChaos(t *testing.T) {
	c := newChaos(t)
	t.Logf("MAKEBRIDGE_CHAOS_SEED=%d MAKEBRIDGE_CHAOS_DURATION=%s", c.seed, c.duration)
	ctx, cancel := context.WithTimeout(t.Context(), 2*c.duration+chaosMore+chaosDrain)
	defer cancel()
	watched := c.watch()
	c.begin(ctx)
	c.torment(ctx)
	c.settle(ctx)
	for _, p := range c.processes() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	c.webhook.close()
	watched()
	c.notice()
	c.judge()
}

// chaos is a world whose parts are processes, to be harmed one by one.
type chaos struct {
	t        *testing.T
	seed     uint64
	duration time.Duration

	harms   *chaosHarms
	stalls  []chaosStall // of this process
	servers []*chaosProcess
	cluster *cluster // nil: the server is alone
	url     string   // of NATS
	bridges []*chaosProcess
	webhook *chaosWebhook
	ledger  *chaosLedger
	js      jetstream.JetStream
	letters []*jetstream.RawStreamMsg // read before the server stops
	stored  map[string]chaosStored    // likewise, by event

	complaints map[string]int // by kind
	worst      map[string]int // duplicates because of one harm, by its title
	deliveries int            // of the event that was delivered most often
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{
		t: t, seed: rand.Uint64(), duration: chaosDuration,
		harms: &chaosHarms{}, ledger: newChaosLedger(), complaints: map[string]int{}, worst: map[string]int{},
	}
	if text := os.Getenv("MAKEBRIDGE_CHAOS_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal("MAKEBRIDGE_CHAOS_SEED:", err)
		}
		c.seed = seed
	}
	if text := os.Getenv("MAKEBRIDGE_CHAOS_DURATION"); text != "" {
		duration, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal("MAKEBRIDGE_CHAOS_DURATION:", err)
		}
		c.duration = duration
	}
	c.webhook = newChaosWebhook(c.seed)
	t.Cleanup(c.webhook.close)
	c.useNATS()
	for i := range chaosReplicas {
		c.bridges = append(c.bridges, newChaosBridge(t, c.harms, fmt.Sprint("bridge-", i+1), c.url, c.webhook.listener.URL, c.env()...))
	}
	return c
}

// dice returns the source of one actor's choices, so that one actor more or
// less does not change those of the others.
func (c *chaos) dice(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, actor)) }

// processes returns all processes, the servers last.
func (c *chaos) processes() []*chaosProcess { return slices.Concat(c.bridges, c.servers) }

// begin starts everything and waits until the routes are consumed.
func (c *chaos) begin(ctx context.Context) {
	c.t.Helper()
	for _, p := range c.processes() {
		if err := p.start(ctx); err != nil {
			c.t.Fatal(err)
		}
	}
	c.connect()
	c.await(ctx, "the consumers", func(jetstream.ConsumerInfo) bool { return true })
}

// torment publishes and harms for the duration, and until enough has happened. It
// returns with every process running, the webhooks well, and everything published
// that will be.
func (c *chaos) torment(ctx context.Context) {
	harming, cancel := context.WithTimeout(ctx, c.duration+chaosMore)
	defer cancel()
	var actors sync.WaitGroup
	actors.Go(func() {
		defer cancel()
		for more := chaosPause(harming, c.duration); more && !c.enough(); {
			more = chaosPause(harming, time.Second)
		}
	})
	for i, p := range c.bridges {
		actors.Go(func() { c.harm(harming, p, c.dice(uint64(i+1)), 2*time.Second, 4*time.Second) })
	}
	actors.Go(func() { c.harmNATS(harming, c.dice(10)) })
	actors.Go(func() { c.webhook.misbehave(harming, c.dice(20)) })
	for i := range chaosPublishers {
		actors.Go(func() {
			p := &chaosPublisher{name: fmt.Sprint("p", i), js: c.js, ledger: c.ledger, dice: c.dice(uint64(100 + i))}
			p.run(harming, ctx)
		})
	}
	actors.Wait()
}

// settle waits until no route has anything left.
func (c *chaos) settle(ctx context.Context) {
	c.t.Helper()
	c.await(ctx, "everything to be settled", func(i jetstream.ConsumerInfo) bool {
		ctx, cancel := context.WithTimeout(ctx, chaosLookUp)
		defer cancel()
		return testbed.Settled(ctx, c.js, i.Stream, i.Name)
	})
	c.readLetters(ctx)
	c.readStream(ctx)
}

func (c *chaos) readLetters(ctx context.Context) {
	c.t.Helper()
	dlq, err := c.js.Stream(ctx, "EVENTS_DLQ")
	if err != nil {
		c.t.Fatal(err)
	}
	for seq := uint64(1); seq <= dlq.CachedInfo().State.LastSeq; seq++ {
		m, err := dlq.GetMsg(ctx, seq)
		if err != nil {
			c.t.Fatal(err)
		}
		c.letters = append(c.letters, m)
	}
}

// await waits until every route's consumer fulfils a condition.
func (c *chaos) await(ctx context.Context, what string, ok func(jetstream.ConsumerInfo) bool) {
	c.t.Helper()
	for _, r := range chaosRoutes() {
		for {
			consumer, err := c.lookUp(ctx, r.name)
			if err == nil && led(*consumer.CachedInfo()) && ok(*consumer.CachedInfo()) {
				break
			}
			if !chaosPause(ctx, 50*time.Millisecond) {
				if consumer != nil {
					c.t.Logf("route %s: %+v", r.name, *consumer.CachedInfo())
				}
				c.timeline()
				c.t.Fatalf("gave up waiting for %s: %v", what, err)
			}
		}
	}
}

// chaosLookUp is how long an answer is waited for: what a cluster is asked
// during an election is never answered.
const chaosLookUp = 2 * time.Second

// lookUp asks for a route's consumer once.
func (c *chaos) lookUp(ctx context.Context, route string) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, chaosLookUp)
	defer cancel()
	return c.js.Consumer(ctx, "EVENTS", route)
}

// chaosPause waits, and reports false if ctx ended first.
func chaosPause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
