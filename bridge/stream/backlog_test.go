package stream

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func TestWaitingCountsWhatNobodyTakes(t *testing.T) {
	b := newBed(t, embedded.Config{})
	s := testSettings()
	s.Subjects = append(s.Subjects, "messages.>", "errors.>")
	route := func(name string, start bridge.Start) *bridge.Route {
		r := testRoute(t, name, 1)
		r.Start = start
		return r
	}
	payments := route("payments", bridge.Start{})
	if got := Waiting(t.Context(), b.client(), s, []*bridge.Route{payments}, nil); len(got) != 1 || got[0] != (Wait{Route: "payments", Off: true}) {
		t.Errorf("without a stream %+v", got)
	}
	provision(t, b.client(), s, payments)
	stored := b.stored()
	first := b.publish("payments.success", "1")
	b.publish("payments.failed", "2")
	b.publish("redeliver.messages.messages.sent", "3")
	b.publish("messages.sent", "4")
	b.publish("messages.sent", "5")
	young := b.publish("errors.occurred", "6")

	// The consumer of payments exists, and has got past its first event.
	c, err := b.client().Consumer(t.Context(), "EVENTS", "payments")
	if err != nil {
		t.Fatal(err)
	}
	for _, settle := range []bool{true, false} {
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if settle {
			if err := m.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	off := []*bridge.Route{payments, route("appointments", bridge.Start{}), route("messages", bridge.Start{})}
	on := []*bridge.Route{
		route("errors", bridge.Start{At: stored(young)}),
		route("errors-new", bridge.Start{New: true}), route("errors-later", bridge.Start{At: stored(young).Add(time.Nanosecond)}),
	}
	on[1].Subjects, on[2].Subjects = []string{"errors.>"}, []string{"errors.>"}
	want := []Wait{
		{Route: "payments", Off: true, Events: 1, Oldest: stored(first + 1)},
		{Route: "appointments", Off: true},
		{Route: "messages", Off: true, Events: 3, Oldest: stored(first + 2)},
		{Route: "errors", Events: 1, Oldest: stored(young)},
		{Route: "errors-later", Events: 1, AtMost: true, Oldest: stored(young)},
	}
	for i := range want {
		if want[i].Events > 0 {
			want[i].Expires = want[i].Oldest.Add(s.MaxAge)
		}
	}
	if diff := cmp.Diff(want, Waiting(t.Context(), b.client(), s, off, on), cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}
	// Of a route that is on and has its consumer, nothing is said.
	if got := Waiting(t.Context(), b.client(), s, nil, []*bridge.Route{payments}); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestWaitingTellsWhatItMayNotAsk(t *testing.T) {
	b := newBed(t, embedded.Config{ConfigFile: writeFile(t, fmt.Sprintf(accounts, leastPermissions))})
	b.js = b.dial(nats.UserInfo("services", "secret"))
	provision(t, b.client(), testSettings())
	b.publish("payments.success", "1")
	b.publish("appointments.created", "2")
	var refusals atomic.Int32
	js := b.dial(nats.UserInfo("bridge", "secret"), nats.CustomInboxPrefix("_INBOX_bridge"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if strings.Contains(err.Error(), `"$JS.API.DIRECT.GET.EVENTS"`) {
			refusals.Add(1)
		}
	}))
	off := []*bridge.Route{testRoute(t, "payments", 1), testRoute(t, "appointments", 1)}
	waits := Waiting(t.Context(), js, testSettings(), off, nil)
	eventually(t, "the refusal", func() bool { return refusals.Load() > 0 })
	if n := refusals.Load(); n != 1 {
		t.Errorf("refused %d times: a question that was not answered is asked once", n)
	}
	for _, w := range waits {
		if w.Events != 1 || w.Err == nil || !strings.Contains(w.Err.Error(), "may this user publish to $JS.API.DIRECT.GET.EVENTS?") {
			t.Errorf("%+v", w)
		}
	}
}

// stored returns a function that says when an event was stored.
func (b *bed) stored() func(sequence uint64) time.Time {
	s, err := b.client().Stream(b.t.Context(), "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	return func(sequence uint64) time.Time {
		b.t.Helper()
		m, err := s.GetMsg(b.t.Context(), sequence)
		if err != nil {
			b.t.Fatal(err)
		}
		return m.Time
	}
}
