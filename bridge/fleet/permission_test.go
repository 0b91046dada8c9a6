package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/testbed"
)

// TestDeniedPermissionIsToldOnce looks at what the server tells of, since the
// bridge logs that too.
func TestDeniedPermissionIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ permissions, want string }{
		"subscribe": {`subscribe: ["_INBOX.>"]`, "may this user subscribe to $SRV.>?"},
		"publish":   {`publish: ["nothing"]`, "may this user publish responses (allow_responses)?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := startServer(t, fmt.Sprintf(`authorization { users = [
				{user: ops, password: secret}
				{user: bridge, password: secret, permissions: {%s}}
			] }`, tt.permissions)).URL()
			denials := make(chan error, 1000)
			nc := dial(t, url, nats.UserInfo("bridge", "secret"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denials <- err }))
			log := &testbed.Log{}
			stop := run(t, replica(t, nc, "a", log))
			asker := dial(t, url, nats.UserInfo("ops", "secret"))
			testbed.Eventually(t, "the warning", func() bool {
				if got, err := Ask(t.Context(), asker); err != nil || len(got) > 0 {
					t.Fatal(got, err)
				}
				return strings.Contains(log.String(), tt.want)
			})
			for range 3 {
				if _, err := Ask(t.Context(), asker); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			if len(denials) != 1 {
				t.Errorf("the server told of %d denials", len(denials))
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestResponsesMayBeAllowedAlone is the least that a service needs.
func TestResponsesMayBeAllowedAlone(t *testing.T) {
	t.Parallel()
	url := startServer(t, `authorization { users = [
		{user: ops, password: secret}
		{user: bridge, password: secret, permissions: {publish: {deny: ">"}, subscribe: ["$SRV.>"], allow_responses: true}}
	] }`).URL()
	log := &testbed.Log{}
	run(t, replica(t, dial(t, url, nats.UserInfo("bridge", "secret")), "a", log))
	asker := dial(t, url, nats.UserInfo("ops", "secret"))
	for range 3 {
		testbed.Eventually(t, "the replica", func() bool { got, err := Ask(t.Context(), asker); return err == nil && len(got) == 1 })
	}
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}
