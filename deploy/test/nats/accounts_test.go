package nats

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// TestBridgeDoesItsWork has a real bridge go through everything that takes a
// permission: holds, dead letters, reports to the admin route, redeliveries.
func TestBridgeDoesItsWork(t *testing.T) {
	for name, flags := range map[string]map[string]bool{
		"acknowledgements as they are":     nil,
		"acknowledgements as they will be": {server.FeatureFlagJsAckFormatV2: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, "server.conf")
			opts.FeatureFlags = flags
			s := start(t, opts)
			makecom := standin.New(standin.Config{})
			if err := makecom.Listen("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = makecom.Close() })
			makecom.Script("payments", standin.Status(500), standin.Status(410), standin.Status(422))

			p := run(t, append(environment(s, theBridge),
				"MAKE_WEBHOOK_PAYMENTS_URL="+makecom.URL("payments"), "MAKE_WEBHOOK_ADMIN_URL="+makecom.URL("admin"),
				"BRIDGE_HTTP_ADDR=off", "BRIDGE_LOG_LEVEL=debug", "BRIDGE_ACK_WAIT=1s", "BRIDGE_DELIVERY_ATTEMPTS=1",
				"BRIDGE_REDELIVERY_DELAYS=200ms", "BRIDGE_HOLD_MIN=200ms", "BRIDGE_HOLD_MAX=400ms")...)
			const events = 10
			publish(t, connect(t, s, publisher), events)

			c := connect(t, s, operator)
			eventually(t, "a dead letter", func() bool { return stored(t, c, "EVENTS_DLQ") == 1 })
			eventually(t, "all other payments, and what the admin route is told, to be accepted", func() bool {
				return makecom.Counts().AcceptedEvents >= events-1+2
			})
			eventually(t, "everything to be settled", func() bool { return settled(t, c, "payments") && settled(t, c, "admin") })
			p.end()
			if log := strings.ToLower(p.log()); strings.Contains(log, "permission") || strings.Contains(log, "not noted") {
				t.Error("permissions are missing")
			}
			c.wasRefusedNothing()
		})
	}
}

func TestBridgeMayNotMakeUpEventsOrDestroyAny(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	setUp(t, s)
	c := connect(t, s, theBridge)
	c.mayNotPublish("payments.success", "errors.occurred", "admin.anything", "redeliver.payments.payments.success",
		"$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS",
		"$JS.API.CONSUMER.DELETE.EVENTS.payments", "$JS.API.STREAM.PURGE.EVENTS_DLQ", "$JS.API.STREAM.CREATE.OTHER",
		"$JS.API.CONSUMER.CREATE.OTHER.any", "$SRV.PING")
	c.mayNotSubscribe("payments.>", "_INBOX_operator.>", "dlq.>", ">")
}

// TestBridgeAnswersAsAMicroService asks as an operator and as a developer.
func TestBridgeAnswersAsAMicroService(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	c := connect(t, s, theBridge)
	service, err := micro.AddService(c.Conn, micro.Config{Name: "makebridge", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{operator, developer} {
		asking := connect(t, s, user)
		for _, question := range []string{"$SRV.PING", "$SRV.INFO.makebridge", "$SRV.STATS.makebridge"} {
			if _, err := asking.Request(question, nil, patience); err != nil {
				t.Errorf("%s asks %s: %v", user, question, err)
			}
		}
		asking.wasRefusedNothing()
	}
	c.wasRefusedNothing()
}

func TestPublisherPublishesAndNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	setUp(t, s)
	c := connect(t, s, publisher)
	for _, e := range subjects.Catalogue() {
		if _, err := c.js.Publish(t.Context(), e.Subject, []byte("{}")); err != nil {
			t.Errorf("%s: %v", e.Subject, err)
		}
	}
	c.wasRefusedNothing()
	c.mayNotPublish("redeliver.payments.payments.success", "dlq.payments.payments.success", "receipt.payments.delivered.00",
		"admin.events.dead_lettered", "admin.destination.held", "cohorts.other", "$KV.makebridge.hold.x",
		"$JS.API.INFO", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.EVENTS",
		"$JS.API.DIRECT.GET.EVENTS", "$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.CONSUMER.CREATE.EVENTS.mine.payments.>",
		"$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.payments", "$SRV.PING")
	c.mayNotSubscribe("payments.>", "_INBOX_bridge.>", "receipt.>")
}

func TestOperatorLooksAfterEverythingAndMakesUpNoEvents(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	setUp(t, s)
	canRun(t, s, operator, "check")
	canRun(t, s, operator, "status")
	canRun(t, s, operator, "dlq", "ls")
	publish(t, connect(t, s, publisher), 3)
	c := connect(t, s, operator)
	if _, err := c.js.Publish(t.Context(), "redeliver.payments.payments.success", []byte("{}")); err != nil {
		t.Errorf("replay: %v", err)
	}
	if n := len(readAll(t, c, "EVENTS")); n != 4 {
		t.Errorf("reads %d events, want 4", n)
	}
	stream, err := c.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 1); err != nil {
		t.Errorf("delete a message: %v", err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Errorf("purge: %v", err)
	}
	bucket, err := c.js.KeyValue(t.Context(), "makebridge")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "hold.x", []byte("{}")); err != nil {
		t.Error(err)
	}
	if err := bucket.Delete(t.Context(), "hold.x"); err != nil {
		t.Errorf("end a hold by hand: %v", err)
	}
	if _, err := c.SubscribeSync("receipt.>"); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	c.wasRefusedNothing()
	c.mayNotPublish("payments.success", "dlq.payments.payments.success", "receipt.payments.delivered.00")
	c.mayNotSubscribe("payments.>", "_INBOX_bridge.>")
}

func TestDeveloperLooksAndTouchesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	setUp(t, s)
	publish(t, connect(t, s, publisher), 3)
	canRun(t, s, developer, "check")
	canRun(t, s, developer, "status")
	canRun(t, s, developer, "dlq", "ls")
	c := connect(t, s, developer)
	names := 0
	for range c.js.ListStreams(t.Context()).Info() {
		names++
	}
	if names < 2 {
		t.Errorf("lists %d streams", names)
	}
	stream, err := c.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.GetMsg(t.Context(), 2); err != nil {
		t.Errorf("get a message: %v", err)
	}
	if n := len(readAll(t, c, "EVENTS")); n != 3 {
		t.Errorf("reads %d events, want 3", n)
	}
	if _, err := stream.Consumer(t.Context(), "payments"); err != nil {
		t.Errorf("look at a consumer: %v", err)
	}
	receipts, err := c.SubscribeSync("receipt.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s, theBridge).Publish("receipt.payments.delivered.00", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := receipts.NextMsg(patience); err != nil {
		t.Errorf("see receipts: %v", err)
	}
	c.wasRefusedNothing()

	c.mayNotPublish("payments.success", "redeliver.payments.payments.success", "dlq.payments.payments.success", "$KV.makebridge.hold.x",
		"$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.STREAM.MSG.DELETE.EVENTS_DLQ", "$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine")
	for _, r := range subjects.Routes() {
		c.mayNotPublish("$JS.API.CONSUMER.MSG.NEXT.EVENTS."+r.Name, "$JS.API.CONSUMER.DELETE.EVENTS."+r.Name, "$JS.API.CONSUMER.PAUSE.EVENTS."+r.Name,
			"$JS.ACK.EVENTS."+r.Name+".1.1.1.1.0", "$JS.ACK._.hash.EVENTS."+r.Name+".1.1.1.1.0",
			"$JS.API.CONSUMER.CREATE.EVENTS."+r.Name, "$JS.API.CONSUMER.CREATE.EVENTS."+r.Name+"."+strings.TrimSuffix(r.Subjects[0], ">")+"x")
	}
	c.mayNotSubscribe("payments.>", "_INBOX_bridge.>", "$KV.>")
}

// TestNobodyComesInUnknown tries a client without a key.
func TestNobodyComesInUnknown(t *testing.T) {
	t.Parallel()
	s := start(t, options(t, "server.conf"))
	nc, err := nats.Connect(s.ClientURL(), nats.RootCAs(files+"/ca.crt"))
	if err == nil {
		nc.Close()
		t.Error("somebody without a key is let in")
	}
	if _, err := nats.Connect(s.ClientURL()); err == nil {
		t.Error("a client that does not know the authority connects")
	}
}

// routesOn are variables that turn every route on, with nothing behind them.
func routesOn() []string {
	var env []string
	for _, r := range subjects.Routes() {
		env = append(env, fmt.Sprintf("MAKE_WEBHOOK_%s_URL=http://127.0.0.1:9/%s", r.Env, r.Name))
	}
	return env
}

// canRun runs a command as one of the users, who must be told of nothing that is
// not permitted.
func canRun(t *testing.T, s *server.Server, user string, command ...string) {
	t.Helper()
	out, ok := makebridge(t, append(environment(s, user), routesOn()...), append(command, "-o", "json")...)
	if !ok || strings.Contains(strings.ToLower(out), "permission") {
		t.Errorf("%s cannot run makebridge %s:\n%s", user, strings.Join(command, " "), out)
	}
}

// setUp creates streams and consumers as an operator does.
func setUp(t *testing.T, s *server.Server) {
	t.Helper()
	if _, ok := makebridge(t, append(environment(s, operator), routesOn()...), "setup"); !ok {
		t.Fatal("the operator's setup fails")
	}
}

// publish publishes payments as a service does, once there is a stream.
func publish(t *testing.T, c *client, n int) {
	t.Helper()
	for i := range n {
		payment := schemas.PaymentSuccess{
			PaymentID: fmt.Sprint("pay-", i), Amount: 100, Currency: "EUR", Purpose: "course",
			Customer: schemas.Person{ID: "c-1", Email: "ada@example.com"},
		}
		e, err := schemas.New(payment)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "an event to be stored", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := subjects.NewPublisher(c.js, subjects.PublisherConfig{}).PublishEvent(ctx, "payments.success", e)
			return err == nil
		})
	}
}

func settled(t *testing.T, c *client, route string) bool {
	t.Helper()
	return testbed.Settled(t.Context(), c.js, "EVENTS", route)
}

func stored(t *testing.T, c *client, name string) uint64 {
	t.Helper()
	s, err := c.js.Stream(t.Context(), name)
	if err != nil {
		return 0
	}
	return s.CachedInfo().State.Msgs
}

// readAll reads a stream in order, as people do.
func readAll(t *testing.T, c *client, name string) []jetstream.Msg {
	t.Helper()
	stream, err := c.js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var all []jetstream.Msg
	for uint64(len(all)) < stream.CachedInfo().State.Msgs {
		msg, err := reader.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		all = append(all, msg)
	}
	return all
}
