package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

const (
	chaosReplicas    = 3
	chaosConcurrency = 8
	chaosAckWait     = 2 * time.Second
	chaosHoldMin     = 200 * time.Millisecond
	chaosLimit       = 100 // requests to a destination in chaosWindow
	chaosWindow      = time.Second
)

// chaosRoute is a route of the chaos: where its events are published, the path
// of its destination, and the order that it keeps.
type chaosRoute struct {
	name, env, subjects, path string
	ordering                  bridge.Ordering
}

// chaosRoutes returns the routes. Each destination has two, of which one may
// keep an order and the other not, and the subjects of one route are among those
// of another, so that some events have two routes.
func chaosRoutes() []chaosRoute {
	return []chaosRoute{
		{"payments", "PAYMENTS", "payments.>", "/one", bridge.OrderingNone},
		{"messages", "MESSAGES", "messages.>", "/two", bridge.OrderingNone},
		{"support-tickets", "SUPPORT_TICKETS", "tickets.>", "/two", bridge.OrderingNone},
		{"audit", "AUDIT", "payments.audited.>", "/three", bridge.OrderingNone},
		{"appointments", "APPOINTMENTS", "appointments.>", "/three", bridge.OrderingKey},
		{"journal", "JOURNAL", "journal.>", "/one", bridge.OrderingStrict},
	}
}

// chaosPaths returns the destinations.
func chaosPaths() []string { return []string{"/one", "/two", "/three"} }

// newChaosBridge returns a replica. Each of its lives has an API key of its own,
// by which the webhooks know who sent a request: replicas agree on a
// destination by its URL alone.
func newChaosBridge(t *testing.T, h *chaosHarms, name, nats, webhooks string, env ...string) *chaosProcess {
	t.Helper()
	dir := t.TempDir()
	return newChaosProcess(t, h, name, func(exe, life string) *exec.Cmd {
		cmd := exec.Command(exe, "run")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), beProgram+"=1", tellStalls+"="+life, "NATS_URL="+nats,
			fmt.Sprintf("BRIDGE_CONCURRENCY=%d", chaosConcurrency), fmt.Sprintf("BRIDGE_ACK_WAIT=%s", chaosAckWait),
			fmt.Sprintf("BRIDGE_RATE_LIMIT=%d/%s", chaosLimit, chaosWindow), fmt.Sprintf("BRIDGE_HOLD_MIN=%s", chaosHoldMin),
			"BRIDGE_HTTP_ADDR=off", "BRIDGE_DELIVERY_TIMEOUT=1s", "BRIDGE_SHUTDOWN_TIMEOUT=5s",
			"BRIDGE_REDELIVERY_DELAYS=200ms,500ms,1s", "BRIDGE_MAX_DELIVERIES=12",
			"BRIDGE_DELIVERY_BACKOFF_MIN=10ms", "BRIDGE_DELIVERY_BACKOFF_MAX=50ms",
			"BRIDGE_HOLD_AFTER=5", "BRIDGE_HOLD_MAX=1s")
		for _, r := range chaosRoutes() {
			stem := "MAKE_WEBHOOK_" + r.env + "_"
			cmd.Env = append(cmd.Env, stem+"URL="+webhooks+r.path, stem+"SUBJECTS="+r.subjects, stem+"API_KEY="+life,
				stem+"ORDERING="+r.ordering.String())
		}
		cmd.Env = append(cmd.Env, env...)
		return cmd
	})
}
