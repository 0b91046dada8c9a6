package gate

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestMissingPermissionIsSaid: the server answers nothing to what a user may not publish,
// so that a destination stands still; the log names the key.
func TestMissingPermissionIsSaid(t *testing.T) {
	for kind, text := range map[string]string{
		"pace": "no instant can be taken for a request",
		"hold": "hold not shared yet",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, `
accounts { APP { jetstream: enabled, users = [
	{user: bridge, password: secret, permissions: {publish: {deny: ["$KV.makebridge.`+kind+`.>"]}}}
] } }
no_auth_user: bridge`)})
			var logs testbed.Log
			g, _ := shareLogging(t, server.URL(), "a", testBucket, logs.Logger(slog.LevelInfo))
			<-g.Ready()
			d := destination(t, unlimitedPace)
			if kind == "hold" {
				g.Leave(t.Context(), d, message(1), mustEnter(t, g.Gate, d, 1), tooMany)
			} else {
				d = destination(t, bridge.Limit{Requests: 300, Window: 10 * time.Second})
			}
			enter(t, g.Gate, d, 2)
			eventually(t, "the key that nobody answers for", func() bool {
				said := logs.String()
				return strings.Contains(said, text) &&
					strings.Contains(said, "may this NATS user publish to $KV.makebridge."+kind+"."+d.URL.ID()+"?")
			})
		})
	}
}
