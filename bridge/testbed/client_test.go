package testbed

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestSettledAsksForTheLastMessage: also where the stream answers its clients
// directly, and where the last message for the consumer is not the stream's.
func TestSettledAsksForTheLastMessage(t *testing.T) {
	for name, direct := range map[string]bool{"direct": true, "not direct": false} {
		t.Run(name, func(t *testing.T) {
			js := Connect(t, StartServer(t, embedded.Config{}).URL())
			settled := func() bool { return Settled(t.Context(), js, "EVENTS", "payments") }
			if settled() {
				t.Error("settled without a stream")
			}
			s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>", "tickets.>", "redeliver.>"}, AllowDirect: direct})
			if err != nil {
				t.Fatal(err)
			}
			c, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{
				Durable: "payments", FilterSubjects: []string{"payments.>", "redeliver.payments.>"}, AckPolicy: jetstream.AckExplicitPolicy,
			})
			if err != nil {
				t.Fatal(err)
			}
			if !settled() {
				t.Error("not settled, and there is nothing")
			}
			for _, subject := range []string{"payments.success", "tickets.created"} {
				if _, err := js.Publish(t.Context(), subject, nil); err != nil {
					t.Fatal(err)
				}
			}
			last, err := lastFor(t.Context(), js, c.CachedInfo())
			if err != nil || last != 1 {
				t.Errorf("the last message is %d, %v", last, err)
			}
			if settled() {
				t.Error("settled before the delivery")
			}
			msg, err := c.Next(jetstream.FetchMaxWait(Patience))
			if err != nil {
				t.Fatal(err)
			}
			if settled() {
				t.Error("settled before the acknowledgement")
			}
			if err := msg.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
			Eventually(t, "the consumer to be settled", settled)
		})
	}
}

func TestServerComesBackWhereItWas(t *testing.T) {
	config := embedded.Config{
		StoreDir: t.TempDir(), Port: FreePort(t),
		ConfigFile: ConfigFile(t, `accounts { APP { jetstream: enabled, users = [ {user: bridge, password: secret} ] } }`),
	}
	first := StartServer(t, config)
	js := Connect(t, first.URL(), nats.UserInfo("bridge", "secret"))
	first.Shutdown()
	Eventually(t, "the loss to be noticed", func() bool { return !js.Conn().IsConnected() })
	if second := StartServer(t, config); second.URL() != first.URL() {
		t.Errorf("started again at %s", second.URL())
	}
	Eventually(t, "the client to come back", js.Conn().IsConnected)
}
