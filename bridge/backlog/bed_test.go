package backlog

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// bed is a server with a stream and a bucket, as a bridge makes them.
type bed struct {
	t   testing.TB
	url string
	js  jetstream.JetStream
	kv  jetstream.KeyValue
}

// users lets one see everything, and others not all of it.
const users = `
accounts { APP { jetstream: enabled, users = [
	{user: all, password: p}
	{user: no_list, password: p, permissions: {publish: {deny: ["$JS.API.CONSUMER.LIST.>"]}}}
	{user: no_bucket, password: p, permissions: {publish: {deny: ["$JS.API.CONSUMER.CREATE.KV_makebridge.>"]}}}
	{user: no_get, password: p, permissions: {publish: {deny: ["$JS.API.DIRECT.GET.EVENTS"]}}}
	{user: nothing, password: p, permissions: {publish: {deny: ["$JS.API.>"]}}}
] } }`

func newBed(t testing.TB) *bed {
	t.Helper()
	server := testbed.StartServer(t, embedded.Config{ConfigFile: testbed.ConfigFile(t, users)})
	b := &bed{t: t, url: server.URL()}
	b.js = b.as("all")
	b.must(b.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"payments.>", "tickets.>", "redeliver.>"}, MaxAge: time.Hour, AllowDirect: true,
	}))
	var err error
	b.kv, err = b.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "makebridge", LimitMarkerTTL: time.Minute})
	b.must(nil, err)
	return b
}

func (b *bed) must(_ any, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// as connects as a user.
func (b *bed) as(user string) jetstream.JetStream {
	b.t.Helper()
	return testbed.Connect(b.t, b.url, nats.UserInfo(user, "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// consumer makes the consumer of a route.
func (b *bed) consumer(route string, change ...func(*jetstream.ConsumerConfig)) jetstream.Consumer {
	b.t.Helper()
	c := jetstream.ConsumerConfig{
		Durable: route, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: 1000,
		FilterSubjects: []string{route + ".>", "redeliver." + route + ".>"}, Metadata: map[string]string{"app": "makebridge"},
	}
	for _, change := range change {
		change(&c)
	}
	made, err := b.js.CreateConsumer(b.t.Context(), "EVENTS", c)
	b.must(nil, err)
	return made
}

func (b *bed) publish(subjects ...string) {
	b.t.Helper()
	for _, s := range subjects {
		b.must(b.js.Publish(b.t.Context(), s, []byte("{}")))
	}
}

// pull takes events in hand.
func (b *bed) pull(c jetstream.Consumer, n int) []jetstream.Msg {
	b.t.Helper()
	batch, err := c.Fetch(n)
	b.must(nil, err)
	var all []jetstream.Msg
	for m := range batch.Messages() {
		all = append(all, m)
	}
	if len(all) != n {
		b.t.Fatalf("%d events came, want %d", len(all), n)
	}
	return all
}

// pending waits until the server has counted so many events for a route, which it
// does a moment after it has acknowledged them.
func (b *bed) pending(route string, want uint64) {
	b.t.Helper()
	testbed.Eventually(b.t, fmt.Sprint(want, " pending events of ", route), func() bool {
		c, err := b.js.Consumer(b.t.Context(), "EVENTS", route)
		b.must(nil, err)
		return c.CachedInfo().NumPending == want
	})
}

// park notes an event that was put off, as package stream does.
func (b *bed) park(route string, sequence int, due time.Time) {
	b.t.Helper()
	key := fmt.Sprintf("parked.%s.%d-17c", route, sequence)
	b.must(b.kv.PutString(b.t.Context(), key, `{"reply":"$JS.ACK.x","due":"`+due.Format(time.RFC3339Nano)+`"}`))
}

// beat writes the record of a replica.
func (b *bed) beat(id, json string) {
	b.t.Helper()
	b.must(b.kv.PutString(b.t.Context(), "replica."+id, json))
}

const replicaLife = time.Minute

func (b *bed) config() Config {
	return Config{Stream: "EVENTS", Bucket: "makebridge", ReplicaLife: replicaLife}
}

func (b *bed) read() State {
	b.t.Helper()
	s, err := Read(b.t.Context(), b.js, b.config())
	b.must(nil, err)
	return s
}

// only is the state of a bed with one route.
func (b *bed) only() Route {
	b.t.Helper()
	s := b.read()
	if len(s.Routes) != 1 || s.Routes[0].Err != nil || s.SharedErr != nil || s.ListErr != nil {
		b.t.Fatalf("state %+v", s)
	}
	return s.Routes[0]
}
