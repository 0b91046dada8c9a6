package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func (b *bed) event(subject, typ, id string) uint64 {
	b.t.Helper()
	return b.publish(subject, eventBody(typ, id), "Nats-Msg-Id", id, "traceparent", "00-"+id)
}

func (b *bed) pick(s Selection) Picked {
	b.t.Helper()
	p, err := b.events().Select(b.t.Context(), s, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func TestSelection(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.event("payments.success", "payment.success", "e-1")
	b.event("messages.sent", "message.sent", "e-2")
	b.event("payments.failed", "payment.failed", "e-3")
	b.publish("redeliver.payments.payments.success", eventBody("payment.success", "e-1"))
	b.publish("payments.refunded", eventBody("payment.refunded", "e-5")) // without Nats-Msg-Id
	middle := b.stored("EVENTS", "")[4].Time
	b.event("payments.refunded", "payment.refunded", "e-6")
	for name, tt := range map[string]struct {
		selection Selection
		want      []uint64
	}{
		"all":                    {Selection{}, []uint64{1, 3, 5, 6}},
		"since":                  {Selection{Since: middle}, []uint64{5, 6}},
		"until":                  {Selection{Until: middle}, []uint64{1, 3}},
		"nothing in between":     {Selection{Since: middle, Until: middle}, nil},
		"in the future":          {Selection{Since: middle.Add(time.Hour)}, nil},
		"type":                   {Selection{Type: "payment.failed"}, []uint64{3}},
		"type of no schema":      {Selection{Type: "payment.refunded"}, []uint64{5, 6}},
		"event":                  {Selection{EventID: "e-3"}, []uint64{3}},
		"event without id":       {Selection{EventID: "e-5"}, []uint64{5}},
		"event of another route": {Selection{EventID: "e-2"}, nil},
		"event of another type":  {Selection{EventID: "e-3", Type: "payment.success"}, nil},
		"run":                    {Selection{Run: Run{"x", 1, 5}}, []uint64{3, 5}},
		"run beyond":             {Selection{Run: Run{"x", 6, 99}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.selection.Route = "payments"
			if diff := cmp.Diff(tt.want, b.pick(tt.selection).Sequences); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := b.events().Select(t.Context(), Selection{Route: "payments", Type: "message.sent"}, nil); err == nil {
		t.Error("a type of another route is no error")
	}
}

// TestEventIsLookedForAboutTheTimeInItsID unless there are other times.
func TestEventIsLookedForAboutTheTimeInItsID(t *testing.T) {
	b := newBed(t, embedded.Config{})
	fresh := uuid.Must(uuid.NewV7()).String()
	const old = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
	b.event("payments.success", "payment.success", fresh)
	b.event("payments.success", "payment.success", old)
	for name, tt := range map[string]struct {
		selection Selection
		want      []uint64
	}{
		"fresh":       {Selection{EventID: fresh}, []uint64{1}},
		"old":         {Selection{EventID: old}, nil},
		"old, since":  {Selection{EventID: old, Since: time.Now().Add(-time.Hour)}, []uint64{2}},
		"old, until":  {Selection{EventID: old, Until: time.Now().Add(time.Hour)}, []uint64{2}},
		"old, in run": {Selection{EventID: old, Run: Run{"x", 0, 9}}, []uint64{2}},
	} {
		tt.selection.Route = "payments"
		if diff := cmp.Diff(tt.want, b.pick(tt.selection).Sequences); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRouteThatNobodyConsumes(t *testing.T) {
	b := newBed(t, embedded.Config{})
	if _, err := b.js.CreateConsumer(t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "messages", FilterSubject: "messages.>", AckPolicy: jetstream.AckExplicitPolicy,
	}); err != nil {
		t.Fatal(err)
	}
	for route, consumed := range map[string]bool{"payments": true, "messages": false, "errors": false} {
		err := b.events().Takes(t.Context(), route)
		var none *NoConsumerError
		if consumed && err != nil || !consumed && !errors.As(err, &none) {
			t.Errorf("%s: %v", route, err)
		}
		_, err = b.events().Select(t.Context(), Selection{Route: route}, nil)
		if consumed == errors.As(err, &none) {
			t.Errorf("%s: %v", route, err)
		}
	}
}

func TestReplayedEventsAreCopiesForOneRoute(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const events = 300
	for i := range events {
		b.event("payments.success", "payment.success", fmt.Sprint("e-", i))
	}
	picked := b.pick(Selection{Route: "payments"})
	left, tally, err := b.events().Replay(t.Context(), picked, bridge.Limit{}, nil)
	if err != nil || tally.Done != events {
		t.Fatalf("%+v, %v", tally, err)
	}
	if again := b.pick(Selection{Route: "payments", Run: left}); len(again.Sequences) > 0 {
		t.Errorf("%d are left", len(again.Sequences))
	}
	copies := b.stored("EVENTS", "redeliver.payments.payments.success")
	for i, m := range copies {
		id := fmt.Sprint("e-", i)
		if string(m.Data) != eventBody("payment.success", id) || m.Header.Get("traceparent") != "00-"+id || m.Header.Get("Nats-Msg-Id") == id {
			t.Fatalf("copy %d: %v %s", i, m.Header, m.Data)
		}
	}
	if len(copies) != events {
		t.Errorf("%d copies", len(copies))
	}
	// On purpose once more.
	if _, tally, err = b.events().Replay(t.Context(), b.pick(Selection{Route: "payments"}), bridge.Limit{}, nil); err != nil || tally.Already > 0 {
		t.Errorf("%+v, %v", tally, err)
	}
	if n := len(b.stored("EVENTS", "redeliver.")); n != 2*events {
		t.Errorf("%d copies after two runs, want %d", n, 2*events)
	}
}

func TestInterruptedRunGoesOnWithoutDoubles(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const events = 400
	for i := range events {
		b.event("payments.success", "payment.success", fmt.Sprint("e-", i))
	}
	picked := b.pick(Selection{Route: "payments"})
	ctx, interrupt := context.WithCancel(t.Context())
	left, first, err := b.events().Replay(ctx, picked, bridge.Limit{}, func(t Tally) {
		if t.Done == 20 {
			interrupt()
		}
	})
	if err != nil || ctx.Err() == nil || first.Left() == 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	late := b.event("payments.success", "payment.success", "late")
	rest := b.pick(Selection{Route: "payments", Run: reparse(t, left)})
	if len(rest.Sequences) != first.Left() {
		t.Errorf("%d to go after %+v", len(rest.Sequences), first)
	}
	if rest.Sequences[len(rest.Sequences)-1] >= late {
		t.Error("an event that came later is in the run")
	}
	// As if it had been killed: the whole run again.
	left, second, err := b.events().Replay(t.Context(), b.pick(Selection{Route: "payments", Run: picked.Run}), bridge.Limit{}, nil)
	if err != nil || second.Done != events || second.Already != first.Done {
		t.Errorf("%+v after %+v, %v", second, first, err)
	}
	if n := len(b.stored("EVENTS", "redeliver.")); n != events {
		t.Errorf("%d copies, want %d", n, events)
	}
	if again := b.pick(Selection{Route: "payments", Run: left}); len(again.Sequences) > 0 {
		t.Errorf("%d to go after the end", len(again.Sequences))
	}
}

func reparse(t *testing.T, r Run) Run {
	t.Helper()
	again, err := ParseRun(r.String())
	if err != nil || again != r {
		t.Fatalf("%s is read as %s: %v", r, again, err)
	}
	return again
}

func TestParseRunRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "x-1", "x-1-", "-1-2", "x-1-2-3", "x-a-2", "x y-1-2", "x.>-1-2", "x--1-2", strings.Repeat("x", 65) + "-1-2"} {
		if r, err := ParseRun(text); err == nil {
			t.Errorf("%q is read as %s", text, r)
		}
	}
}

// TestSelectTellsHowFarItIs of what it looks at, found or not.
func TestSelectTellsHowFarItIs(t *testing.T) {
	b := newBed(t, embedded.Config{})
	for i := range 3 {
		b.event("payments.success", "payment.success", fmt.Sprint("e-", i))
		b.letter(fmt.Sprint("e-", i))
	}
	for name, search := range map[string]func(Looked) error{
		"events": func(l Looked) error {
			_, err := b.events().Select(t.Context(), Selection{Route: "payments", EventID: "e-9"}, l)
			return err
		},
		"letters": func(l Looked) error {
			_, err := b.letters().Select(t.Context(), Filter{EventID: "e-9"}, l)
			return err
		},
	} {
		var told [][2]uint64
		if err := search(func(past, of uint64) { told = append(told, [2]uint64{past, of}) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][2]uint64{{1, 3}, {2, 3}, {3, 3}}, told); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
