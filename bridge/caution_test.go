package bridge

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// diary is a Caution, a Gate and a Deliverer that note what is done.
type diary struct {
	*openGate
	notes   []string
	refuses int // turns that another suspect takes first
	turn    error
	sends   int
}

func (d *diary) note(what string) { d.notes = append(d.notes, what) }

func (d *diary) Turn(context.Context) error { d.note("turn"); return d.turn }

func (d *diary) Begin() (end func(), ok bool) {
	if d.refuses > 0 {
		d.refuses--
		d.note("refused")
		return nil, false
	}
	d.note("begin")
	return func() { d.note("end") }, true
}

func (d *diary) Mark(context.Context) (done func()) {
	d.note("mark")
	return func() { d.note("done") }
}

func (d *diary) Enter(ctx context.Context, to *Destination, m Message) (Pass, error) {
	d.note("enter")
	return d.openGate.Enter(ctx, to, m)
}

func (d *diary) Leave(_ context.Context, _ *Destination, _ Message, _ Pass, a Answer) {
	d.note("leave " + a.Class.String())
}

func (d *diary) Deliver(ctx context.Context, r Request, _ func(context.Context) error) Answer {
	d.sends++
	defer r.Mark(ctx)()
	d.note("send")
	return Answer{Class: ClassDelivered, Status: 200, Attempts: 1}
}

func TestOnlyWhatMayEndTheProcessIsMarked(t *testing.T) {
	d := &diary{openGate: &openGate{}}
	p := NewPipeline(Config{testRoute(t), d, d, testPolicy, ValidationEnforce, nil})
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.Caution = 2, d
	if v := p.Handle(t.Context(), m); v.Outcome != Delivered {
		t.Fatalf("verdict %+v", v)
	}
	want := []string{
		"turn", "begin", "mark", "done", "end", // it is read
		"turn", "enter", "begin", "mark", "send", "done", "leave delivered", "end",
	}
	if diff := cmp.Diff(want, d.notes); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// TestSuspectDoesNotWaitWithAPass: others may need it, and its time may pass.
func TestSuspectDoesNotWaitWithAPass(t *testing.T) {
	d := &diary{openGate: &openGate{}, refuses: 2}
	p := NewPipeline(Config{testRoute(t), d, d, testPolicy, ValidationOff, nil})
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.Caution = 2, d
	if v := p.Handle(t.Context(), m); v.Outcome != Delivered || v.Attempts != 1 {
		t.Fatalf("verdict %+v", v)
	}
	want := []string{
		"turn", "refused", "turn", "refused", "turn", "begin", "mark", "done", "end",
		"turn", "enter", "begin", "mark", "send", "done", "leave delivered", "end",
	}
	if diff := cmp.Diff(want, d.notes); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}

	d.notes, d.refuses = nil, 0
	d.passes = []Pass{{}, {}}
	m.Caution = &late{d}
	p.Handle(t.Context(), m)
	want = []string{
		"turn", "begin", "mark", "done", "end",
		"turn", "enter", "refused", "leave interrupted",
		"turn", "enter", "begin", "mark", "send", "done", "leave delivered", "end",
	}
	if diff := cmp.Diff(want, d.notes); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// late is refused once it is through the gate.
type late struct{ *diary }

func (l *late) Turn(ctx context.Context) error {
	if err := l.diary.Turn(ctx); err != nil {
		return err
	}
	if len(l.notes) > 1 && len(l.passes) == 2 {
		l.refuses = 1
	}
	return nil
}

func TestSuspectWhoseTurnDoesNotComeIsHandedBack(t *testing.T) {
	d := &diary{openGate: &openGate{}, turn: context.Canceled}
	p := NewPipeline(Config{testRoute(t), d, d, testPolicy, ValidationOff, nil})
	m := exampleMessage(t, "payment.success", "payments.success")
	m.Delivery, m.Caution = 2, d
	if v := p.Handle(t.Context(), m); v.Outcome != HandedBack || d.sends > 0 {
		t.Errorf("verdict %+v after %d requests", v, d.sends)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrExpiring)
	if v := p.Handle(ctx, m); v.Outcome != DeadLettered || v.Reason != Expired {
		t.Errorf("verdict %+v of one that the stream will take", v)
	}
}
