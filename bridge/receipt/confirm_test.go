package receipt

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// TestReceiptsFlowWhileAnAnswerIsAwaited has a stream that takes its time: it
// answers the first receipt, and then none before as many have come as may be on
// their way.
func TestReceiptsFlowWhileAnAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	url := startServer(t, embedded.Config{}).URL()
	nc := dial(t, url).Conn()
	var taken atomic.Int64
	var late []*nats.Msg
	if _, err := nc.Subscribe("receipt.>", func(m *nats.Msg) {
		n := taken.Add(1)
		if m.Reply != "" {
			late = append(late, m)
		}
		if n > 1 && n < 1+mostUnconfirmed {
			return
		}
		for _, m := range late {
			_ = m.Respond([]byte(`{"stream":"EVENTS_RECEIPTS","seq":1}`))
		}
		late = nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	r, stop := run(t, dial(t, url), &logBuffer{})
	const receipts = 2*mostUnconfirmed + 100
	for range receipts {
		r.Settled("payments", event(), delivered("event-1"))
	}
	eventually(t, "all receipts", func() bool { return taken.Load() >= receipts })
	stop()
	if n := taken.Load(); n != receipts || r.Dropped() != 0 {
		t.Errorf("%d of %d receipts came, %d dropped", n, receipts, r.Dropped())
	}
}

// TestConfirmations: the first receipt has to be stored before others are on
// their way, and then so many may be until an answer comes.
func TestConfirmations(t *testing.T) {
	now := time.Now()
	c := &confirmations{stream: "EVENTS_RECEIPTS", inbox: "inbox", timeout: confirmTimeout}
	answer := func(reply, body string) (*receipt, error) {
		t.Helper()
		return c.answered(&nats.Msg{Subject: reply, Data: []byte(body)}, now)
	}
	const stored = `{"stream":"EVENTS_RECEIPTS","seq":1}`
	first := &receipt{eventID: "first"}
	reply := c.count(first, now)
	if reply != "inbox.1" || c.room(now) || !c.unsure(now) {
		t.Fatalf("the first asks at %q, room %t, unsure %t", reply, c.room(now), c.unsure(now))
	}
	if one, err := answer(reply, stored); one != nil || err != nil {
		t.Fatal(one, err)
	}
	var asked []string
	n := 0
	for ; c.room(now); n++ {
		if reply := c.count(&receipt{eventID: fmt.Sprint(n)}, now); reply != "" {
			asked = append(asked, reply)
		}
	}
	if n != mostUnconfirmed || len(asked) != mostUnconfirmed/askEvery {
		t.Fatalf("%d were on their way, %d asked", n, len(asked))
	}
	if _, err := answer(asked[1], stored); err != nil || !c.room(now) {
		t.Errorf("no room after an answer, %v", err)
	}
	if one := c.late(now.Add(confirmTimeout)); one == nil || c.room(now) && len(c.open) > 0 {
		t.Error("nothing is late")
	}
	if _, err := answer(asked[2], stored); err != nil || c.fresh(now) {
		t.Errorf("an answer that came too late counts, %v", err)
	}
}

func TestRefusals(t *testing.T) {
	way := &confirmations{stream: "EVENTS_RECEIPTS", timeout: confirmTimeout}
	for _, c := range []struct {
		name string
		msg  nats.Msg
		want error
	}{
		{"stored", nats.Msg{Data: []byte(`{"stream":"EVENTS_RECEIPTS","seq":1}`)}, nil},
		{"nobody listens", nats.Msg{Header: nats.Header{"Status": {"503"}}}, jetstream.ErrNoStreamResponse},
		{"the stream refuses", nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}`)},
			&jetstream.APIError{ErrorCode: 10077}},
		{"somebody else answers", nats.Msg{Data: []byte(`{}`)}, jetstream.ErrInvalidJSAck},
		{"another stream has it", nats.Msg{Data: []byte(`{"stream":"ALL","seq":1}`)}, strayError("ALL")},
		{"nonsense", nats.Msg{Data: []byte(`+OK`)}, jetstream.ErrInvalidJSAck},
	} {
		if err := way.refusal(&c.msg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
