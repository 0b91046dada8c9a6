package testbed

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Connect connects a client that comes back as soon as its server does, however
// long that is away. It is closed with the test. Options win over that.
func Connect(t testing.TB, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	patient := []nats.Option{nats.Timeout(Patience), nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}
	nc, err := nats.Connect(url, append(patient, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Settled reports whether a consumer with FilterSubjects has nothing left:
// everything that its stream holds for it was delivered and acknowledged. It is
// false where the server does not say, or the consumer has no leader.
//
// That nothing is pending is not enough: a server may say so before it has
// counted the last message, so Settled asks for that one, too.
func Settled(ctx context.Context, js jetstream.JetStream, stream, consumer string) bool {
	c, err := js.Consumer(ctx, stream, consumer)
	if err != nil {
		return false
	}
	i := c.CachedInfo()
	if i.NumPending > 0 || i.NumAckPending > 0 || i.Cluster != nil && i.Cluster.Leader == "" {
		return false
	}
	last, err := lastFor(ctx, js, i)
	return err == nil && i.Delivered.Stream >= last
}

// lastFor is the sequence of the last message that a consumer takes, 0 where
// there is none.
func lastFor(ctx context.Context, js jetstream.JetStream, i *jetstream.ConsumerInfo) (last uint64, err error) {
	s, err := js.Stream(ctx, i.Stream)
	if err != nil {
		return 0, err
	}
	for _, filter := range i.Config.FilterSubjects {
		m, err := s.GetLastMsgForSubject(ctx, filter)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		last = max(last, m.Sequence)
	}
	return last, nil
}
