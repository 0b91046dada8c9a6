package subjects_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// failures is an OnError that remembers.
type failures struct {
	mu   sync.Mutex
	list []*subjects.PublishError
}

func (f *failures) add(err *subjects.PublishError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, err)
}

func (f *failures) all() []*subjects.PublishError {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// byTicket returns the statuses that the stream holds for each ticket, in its
// order.
func byTicket(t testing.TB, s *natsServer) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for _, msg := range s.events(t) {
		changed, _, err := schemas.DecodeAs[schemas.TicketStatusChanged](msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		got[changed.TicketID] = append(got[changed.TicketID], changed.Status)
	}
	return got
}

// publishTickets publishes events of several tickets in turn and returns what
// must be stored.
func publishTickets(t testing.TB, p *subjects.Publisher, tickets, events int) map[string][]string {
	t.Helper()
	want := map[string][]string{}
	for i := range events {
		for j := range tickets {
			id, status := fmt.Sprint("t", j), fmt.Sprint(i)
			if err := p.PublishAsync(t.Context(), ticket(id, status)); err != nil {
				t.Fatal(err)
			}
			want[id] = append(want[id], status)
		}
	}
	return want
}

func TestAsyncKeepsTheOrderOfAKey(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{OnError: failed.add})
	want := publishTickets(t, p, 10, 30)
	if err := p.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, byTicket(t, s)); diff != "" || len(failed.all()) > 0 {
		t.Errorf("failures %v; stored (-want +got):\n%s", failed.all(), diff)
	}
}

// TestAsyncOutlivesARestart takes events before, while and after the server is
// away; all are stored once and in order.
func TestAsyncOutlivesARestart(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{OnError: failed.add, Timeout: time.Second})
	want := publishTickets(t, p, 5, 20)
	s.away(t, js)
	for id, statuses := range publishTickets(t, p, 5, 20) {
		want[id] = append(want[id], statuses...)
	}
	s.start(t)
	for id, statuses := range publishTickets(t, p, 5, 20) {
		want[id] = append(want[id], statuses...)
	}
	if err := p.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, byTicket(t, s)); diff != "" || len(failed.all()) > 0 {
		t.Errorf("failures %v; stored (-want +got):\n%s", failed.all(), diff)
	}
}

// TestAsyncTriesAgainUnderTheSameID stands in for a stream that loses its first
// acknowledgement.
func TestAsyncTriesAgainUnderTheSameID(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	ids := make(chan string, 100)
	tries := 0
	sub, err := js.Conn().Subscribe("tickets.>", func(msg *nats.Msg) {
		ids <- msg.Header.Get(nats.MsgIdHdr)
		if tries++; tries > 1 {
			if err := msg.Respond([]byte(`{"stream":"EVENTS","seq":1}`)); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{OnError: failed.add, Timeout: 200 * time.Millisecond})
	if err := p.PublishAsync(t.Context(), ticket("t1", "x")); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if first, again := <-ids, <-ids; first == "" || first != again {
		t.Errorf("tried as %q, then as %q", first, again)
	}
	if got := failed.all(); len(got) > 0 {
		t.Errorf("reported %v", got)
	}
}

func TestAsyncRefusesWhatTheBufferCannotHold(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	s.away(t, js)
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{Buffer: 4, OnError: failed.add})
	want := publishTickets(t, p, 2, 2)
	err := p.PublishAsync(t.Context(), ticket("t9", "x"))
	var refused *subjects.PublishError
	if !errors.Is(err, subjects.ErrBufferFull) || !errors.As(err, &refused) || refused.Event.Type != "ticket.status_changed" {
		t.Errorf("a fifth event: %v", err)
	}
	s.start(t)
	eventually(t, "the buffer takes events again", func() bool {
		return p.PublishAsync(t.Context(), ticket("t9", "y")) == nil
	})
	want["t9"] = []string{"y"}
	if err := p.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, byTicket(t, s)); diff != "" || len(failed.all()) > 0 {
		t.Errorf("failures %v; stored (-want +got):\n%s", failed.all(), diff)
	}
}

// TestAsyncReportsWhatItGivesUp: once for each event, with the event, while
// other events pass.
func TestAsyncReportsWhatItGivesUp(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.status_changed")
	reported := make(chan *subjects.PublishError, 3)
	p := subjects.NewPublisher(js, subjects.PublisherConfig{
		RetryFor: 2 * time.Second,
		OnError:  func(err *subjects.PublishError) { reported <- err },
	})
	lost, err := schemas.Wrap("ticket.merged", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.PublishEventAsync(t.Context(), "tickets.merged", lost); err != nil {
		t.Fatal(err)
	}
	want := publishTickets(t, p, 3, 3)
	if err := p.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	close(reported)
	var got []*subjects.PublishError
	for err := range reported {
		got = append(got, err)
	}
	if len(got) != 1 || got[0].Event != lost || got[0].Subject != "tickets.merged" || !errors.Is(got[0], subjects.ErrNoStream) {
		t.Errorf("reported %v", got)
	}
	if diff := cmp.Diff(want, byTicket(t, s)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// TestAStuckEventDelaysNoOther: an event without a stream is tried for an hour
// while another one passes.
func TestAStuckEventDelaysNoOther(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.status_changed")
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{RetryFor: time.Hour, OnError: failed.add})
	stuck, err := schemas.ExampleEvent("message.sent")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.PublishEventAsync(t.Context(), "messages.sent", stuck); err != nil {
		t.Fatal(err)
	}
	publishTickets(t, p, 2, 2)
	eventually(t, "the others are stored", func() bool { return len(s.events(t)) == 4 })
	stop, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(stop); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "events left: 1:") {
		t.Errorf("Close: %v", err)
	}
	if got := failed.all(); len(got) != 1 || got[0].Event != stuck || !errors.Is(got[0], subjects.ErrClosed) {
		t.Errorf("reported %v", got)
	}
}

func TestCloseGivesUpWhatCannotBeSent(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	s.away(t, js)
	var failed failures
	p := subjects.NewPublisher(js, subjects.PublisherConfig{Timeout: time.Hour, OnError: failed.add})
	publishTickets(t, p, 2, 3)
	if err := p.Close(within(t, 20*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "events left: 6:") {
		t.Errorf("Close: %v", err)
	}
	got := map[string][]string{}
	for _, err := range failed.all() {
		if !errors.Is(err, subjects.ErrClosed) {
			t.Error(err)
		}
		id, _ := err.Event.Text("ticket_id")
		status, _ := err.Event.Text("status")
		got[id] = append(got[id], status)
	}
	want := map[string][]string{"t0": {"0", "1", "2"}, "t1": {"0", "1", "2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	for _, err := range []error{p.PublishAsync(t.Context(), ticket("t1", "x")), second(p.Publish(t.Context(), ticket("t1", "x")))} {
		if !errors.Is(err, subjects.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestAsyncNeedsSomebodyToTell(t *testing.T) {
	p := subjects.NewPublisher(startServer(t).connect(t), subjects.PublisherConfig{})
	if err := p.PublishAsync(t.Context(), ticket("t1", "x")); !errors.Is(err, subjects.ErrNoOnError) {
		t.Errorf("PublishAsync: %v", err)
	}
}

func BenchmarkPublishAsync(b *testing.B) {
	s := startServer(b)
	js := s.connect(b)
	createStream(b, js, "tickets.>")
	p := subjects.NewPublisher(js, subjects.PublisherConfig{OnError: func(err *subjects.PublishError) { b.Error(err) }})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for errors.Is(p.PublishAsync(b.Context(), ticket(fmt.Sprint(i%64), "x")), subjects.ErrBufferFull) {
			time.Sleep(100 * time.Microsecond)
		}
	}
	if err := p.Close(within(b, patience)); err != nil {
		b.Error(err)
	}
}
