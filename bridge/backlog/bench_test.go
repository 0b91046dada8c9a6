package backlog

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkRead reads eight routes, of which five have put off as many events
// as they may, in a stream of a million; and the same once nothing is put off.
func BenchmarkRead(b *testing.B) {
	const events, full, each = 1_000_000, 5, 20_000
	bed := newBed(b)
	routes := make([]string, 8)
	var subjects []string
	for i := range routes {
		routes[i] = fmt.Sprint("route-", i)
		subjects = append(subjects, routes[i]+".>")
	}
	bed.must(bed.js.UpdateStream(b.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: append(subjects, "redeliver.>"), MaxAge: time.Hour, AllowDirect: true,
	}))
	body := make([]byte, 300)
	bed.publishAll(events, func(n int) (string, []byte) { return fmt.Sprintf("%s.%d", routes[n%len(routes)], n%7), body })
	for i, route := range routes {
		c := bed.consumer(route, func(c *jetstream.ConsumerConfig) { c.MaxAckPending = each })
		if i >= full {
			continue
		}
		for range each / 1000 {
			bed.pull(c, 1000)
		}
	}
	due, err := time.Now().Add(time.Hour).MarshalJSON()
	bed.must(nil, err)
	bed.publishAll(full*each, func(n int) (string, []byte) {
		return fmt.Sprintf("$KV.makebridge.parked.%s.%d-18a1b2c3d4e5f607", routes[n%full], n),
			fmt.Appendf(nil, `{"reply":"$JS.ACK.EVENTS.%s.1.%d.%d.1795477380000000000.12345","due":%s}`, routes[n%full], n, n, due)
	})
	b.Run("full", func(b *testing.B) {
		for b.Loop() {
			if s := bed.read(); s.Routes[0].Delayed != each || s.Routes[full].Delayed != 0 {
				b.Fatalf("routes %+v", s.Routes)
			}
		}
	})
	bed.must(nil, bed.js.DeleteKeyValue(b.Context(), "makebridge"))
	b.Run("nothing put off", func(b *testing.B) {
		for b.Loop() {
			bed.read()
		}
	})
}

// publishAll stores many messages and waits until the server has them.
func (b *bed) publishAll(n int, message func(n int) (subject string, body []byte)) {
	b.t.Helper()
	js, err := jetstream.New(b.js.Conn(), jetstream.WithPublishAsyncMaxPending(4000))
	b.must(nil, err)
	for i := range n {
		subject, body := message(i)
		b.must(js.PublishAsync(subject, body))
	}
	<-js.PublishAsyncComplete()
}
