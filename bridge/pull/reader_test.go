package pull

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

func TestMain(m *testing.M) { testbed.VerifyNoLeaks(m) }

// newBed is a server with a stream of n messages, each with its number from 1 on
// as its body and a header Status such as a server sends, and a consumer of it.
func newBed(t *testing.T, n int) (jetstream.JetStream, jetstream.Consumer) {
	t.Helper()
	js := testbed.Connect(t, testbed.StartServer(t, embedded.Config{}).URL())
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		msg := nats.NewMsg("payments.success")
		msg.Data = []byte(strconv.Itoa(i + 1))
		msg.Header.Set("Status", "404")
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, HeadersOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return js, c
}

// sequences is what a batch shows.
type sequences []uint64

func (s *sequences) add(msg *nats.Msg) bool {
	meta, err := msg.Metadata()
	if err != nil {
		panic(err)
	}
	*s = append(*s, meta.Sequence.Stream)
	return true
}

func TestBatchesFollowOneAnother(t *testing.T) {
	js, c := newBed(t, 5)
	r := NewReader(js, c.CachedInfo())
	var seen sequences
	for range 2 {
		if n, err := r.Batch(t.Context(), 2, testbed.Patience, seen.add); n != 2 || err != nil {
			t.Fatalf("%d messages: %v", n, err)
		}
	}
	// One is left: no more come within the time.
	if n, err := r.Batch(t.Context(), 2, 200*time.Millisecond, seen.add); n != 1 || err != nil {
		t.Errorf("%d messages: %v", n, err)
	}
	if !slices.Equal(seen, sequences{1, 2, 3, 4, 5}) {
		t.Errorf("shown are %d", seen)
	}
}

func TestBatchEndsWhereNoMoreIsWanted(t *testing.T) {
	js, c := newBed(t, 5)
	n, err := NewReader(js, c.CachedInfo()).Batch(t.Context(), 5, testbed.Patience, func(*nats.Msg) bool { return false })
	if n != 1 || err != nil {
		t.Errorf("%d messages: %v", n, err)
	}
}

func TestBatchThatCannotBeRead(t *testing.T) {
	js, c := newBed(t, 1)
	all := func(*nats.Msg) bool { return true }
	r := NewReader(js, c.CachedInfo())
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := r.Batch(stopped, 2, testbed.Patience, all); n > 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %d messages: %v", n, err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = js.DeleteConsumer(context.Background(), "EVENTS", c.CachedInfo().Name) })
	if _, err := r.Batch(t.Context(), 2, testbed.Patience, all); err == nil || errors.Is(err, jetstream.ErrNoHeartbeat) {
		t.Errorf("deleted meanwhile: %v", err)
	}
	if _, err := r.Batch(t.Context(), 2, testbed.Patience, all); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("deleted before: %v", err)
	}
}

func TestServerThatFallsSilent(t *testing.T) {
	t.Parallel()
	js, c := newBed(t, 0)
	lost, err := jetstream.NewWithAPIPrefix(js.Conn(), "lost")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Conn().SubscribeSync("lost.>"); err != nil { // somebody hears it, so that nobody says no
		t.Fatal(err)
	}
	began := time.Now()
	n, err := NewReader(lost, c.CachedInfo()).Batch(t.Context(), 1, time.Minute, func(*nats.Msg) bool { return true })
	if n != 0 || !errors.Is(err, jetstream.ErrNoHeartbeat) || time.Since(began) < mostSilence {
		t.Errorf("%d messages after %v: %v", n, time.Since(began), err)
	}
}

func TestAPIPrefix(t *testing.T) {
	nc := testbed.Connect(t, testbed.StartServer(t, embedded.Config{}).URL()).Conn()
	for want, make := range map[string]func() (jetstream.JetStream, error){
		"$JS.API.":     func() (jetstream.JetStream, error) { return jetstream.New(nc) },
		"$JS.hub.API.": func() (jetstream.JetStream, error) { return jetstream.NewWithDomain(nc, "hub") },
		"own.":         func() (jetstream.JetStream, error) { return jetstream.NewWithAPIPrefix(nc, "own") },
	} {
		js, err := make()
		if err != nil {
			t.Fatal(err)
		}
		if got := APIPrefix(js); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
