package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

// leastPermissions are all that a bridge needs that provisions for itself. One
// that only checks needs no CREATE and no UPDATE.
const leastPermissions = `
	publish: [
		"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.CREATE.EVENTS", "$JS.API.STREAM.UPDATE.EVENTS"
		"$JS.API.STREAM.INFO.EVENTS_DLQ", "$JS.API.STREAM.CREATE.EVENTS_DLQ", "$JS.API.STREAM.UPDATE.EVENTS_DLQ"
		"$JS.API.CONSUMER.INFO.EVENTS.*", "$JS.API.CONSUMER.CREATE.EVENTS.>", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.*"
		"$JS.ACK.EVENTS.>"
		"dlq.>"
		"$JS.API.STREAM.INFO.KV_makebridge", "$JS.API.STREAM.CREATE.KV_makebridge", "$JS.API.DIRECT.GET.KV_makebridge.>"
		"$JS.API.CONSUMER.CREATE.KV_makebridge.>", "$JS.API.CONSUMER.DELETE.KV_makebridge.>", "$JS.FC.KV_makebridge.>"
		"$KV.makebridge.>"
	]
	subscribe: ["_INBOX_bridge.>"]`

const accounts = `
accounts {
	APP {
		jetstream: enabled
		users = [
			{user: bridge, password: secret, permissions: {%s}}
			{user: services, password: secret}
		]
	}
}`

func TestLeastPermissionsAreEnough(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, leastPermissions))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	bridgeJS := b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge"))
	// A stream that exists already is extended, which takes another permission.
	if _, err := b.client().CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}}); err != nil {
		t.Fatal(err)
	}
	kv := b.createBucket()
	var handled atomic.Int32
	r := b.runUnbound(bridgeJS, settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		handled.Add(1)
		switch {
		case string(m.Body) == "retry" && m.Delivery == 1:
			return bridge.Verdict{Outcome: bridge.Retried, Delay: 10 * time.Millisecond}
		case string(m.Body) == "good, slowly":
			<-time.After(2 * settings.AckWait)
		case string(m.Body) == "bad":
			return reject(ctx, m)
		}
		return accept(ctx, m)
	}, testRoute(t, "payments", 2))
	eventually(t, "the route to be bound", func() bool { return len(r.Unready()) == 0 })
	b.publish("payments.success", "good")
	b.publish("payments.success", "retry")
	b.publish("payments.success", "good, slowly")
	b.publish("payments.success", "bad")
	b.publish("redeliver.payments.payments.success", "good")
	b.settled("payments")
	if n := handled.Load(); n != 6 {
		t.Errorf("%d deliveries, want 6", n)
	}
	if n := len(b.letters()); n != 1 {
		t.Errorf("%d letters, want 1", n)
	}
	if n := notes(t, kv); n > 0 {
		t.Errorf("%d notes are left", n)
	}
	r.BringBack(t.Context(), "payments")
	if strings.Contains(b.logs.String(), "not all events were brought back") {
		t.Errorf("logged %s", b.logs)
	}
	eventually(t, "the floor to be noted", func() bool { return noted(t, kv, "payments").Sequence == 5 })
	b.deleteConsumer("payments")
	eventually(t, "the consumer to be created again", func() bool { return strings.Contains(b.logs.String(), deletedLog) })
	b.publish("payments.success", "good")
	b.settled("payments")
	if n := handled.Load(); n != 7 {
		t.Errorf("%d deliveries, want one more", n)
	}
	if strings.Contains(strings.ToLower(b.logs.String()), "permission") {
		t.Errorf("permissions are missing: %s", b.logs)
	}
}

func TestMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	without := strings.Replace(leastPermissions, `"$JS.API.STREAM.INFO.EVENTS", `, "", 1)
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, without))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	r := b.runUnbound(b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge")), testSettings(), accept, testRoute(t, "payments", 1))
	eventually(t, "the error", func() bool { return strings.Contains(b.logs.String(), "cannot consume yet") })
	if got := r.Unready()["payments"]; !strings.Contains(got, "may this user publish to $JS.API.STREAM.INFO.EVENTS?") {
		t.Errorf("unready because %q", got)
	}
}

func TestWrongCredentialsAreToldAndTriedOn(t *testing.T) {
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, leastPermissions))})
	nc := connect(t, b, b.server.URL(), nats.UserInfo("bridge", "canary-password"))
	eventually(t, "the refusal to be logged", func() bool { return strings.Contains(b.logs.String(), "Authorization Violation") })
	if nc.IsClosed() {
		t.Error("gave up")
	}
	if strings.Contains(b.logs.String(), "canary") {
		t.Errorf("the password shows in %s", b.logs)
	}
	// The server learns of the user: the bridge is let in.
	b.server.Shutdown()
	b.config.ConfigFile = writeFile(t, strings.Replace(fmt.Sprintf(accounts, leastPermissions), "password: secret", "password: canary-password", 1))
	b.start()
	eventually(t, "a connection", nc.IsConnected)
}

func TestServerThatIsNotThereIsWaitedFor(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.server.Shutdown()
	nc := connect(t, b, b.server.URL())
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	r := b.runUnbound(js, testSettings(), accept, testRoute(t, "payments", 1))
	eventually(t, "the trouble to be logged", func() bool { return strings.Contains(b.logs.String(), "cannot connect to NATS yet") })
	if len(r.Unready()) == 0 {
		t.Error("ready without a server")
	}
	b.start()
	eventually(t, "the route to be bound", func() bool { return len(r.Unready()) == 0 })
	b.publish("payments.success", "1")
	eventually(t, "delivery", func() bool { return r.count(bridge.Delivered) == 1 })
}

func connect(t *testing.T, b *bed, server string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := Connect(ConnectConfig{
		Servers: []string{server}, Options: append(options, nats.ReconnectWait(20*time.Millisecond)),
		Logger: b.logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
