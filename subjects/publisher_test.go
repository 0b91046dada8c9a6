package subjects_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

func TestPublishStoresTheEvent(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	type key struct{}
	p := subjects.NewPublisher(js, subjects.PublisherConfig{
		Trace: func(ctx context.Context) (string, string) { return ctx.Value(key{}).(string), "" },
	})
	ack, err := p.Publish(context.WithValue(t.Context(), key{}, "00-trace-01"), ticket("t1", "solved"))
	if err != nil || ack.Stream != "EVENTS" || ack.Sequence != 1 {
		t.Fatalf("Publish = %+v, %v", ack, err)
	}
	msg := s.events(t)[0]
	e, err := subjects.Check(msg.Subject, msg.Data)
	if err != nil || msg.Subject != "tickets.status_changed" {
		t.Fatalf("stored on %s: %v", msg.Subject, err)
	}
	want := nats.Header{"Nats-Msg-Id": {e.ID}, "traceparent": {"00-trace-01"}}
	if diff := cmp.Diff(want, msg.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if status, _ := e.Text("status"); status != "solved" {
		t.Errorf("status %q", status)
	}
}

func TestEveryExampleIsPublished(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	var filters []string
	for _, r := range subjects.Routes() {
		filters = append(filters, r.Subjects...)
	}
	createStream(t, js, filters...)
	p := subjects.NewPublisher(js, subjects.PublisherConfig{})
	var want, got []string
	for _, entry := range subjects.Catalogue() {
		e, err := schemas.ExampleEvent(entry.Type)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.PublishEvent(t.Context(), entry.Subject, e); err != nil {
			t.Fatal(err)
		}
		want = append(want, entry.Subject)
	}
	for _, msg := range s.events(t) {
		got = append(got, msg.Subject)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestTheSameEventIsStoredOnce(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "payments.>")
	p := subjects.NewPublisher(js, subjects.PublisherConfig{})
	e, err := schemas.Wrap("payment.refunded", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, duplicate := range []bool{false, true} {
		ack, err := p.PublishEvent(t.Context(), "payments.refunded", e)
		if err != nil || ack.Duplicate != duplicate {
			t.Errorf("publish %d: %+v, %v", i+1, ack, err)
		}
	}
	if n := len(s.events(t)); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

func TestInvalidEventsAreNotSent(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "payments.>", "dlq.>", "receipt.>")
	p := subjects.NewPublisher(js, subjects.PublisherConfig{OnError: func(err *subjects.PublishError) { t.Error(err) }})
	byHand := &schemas.Event{Type: "payment.refunded", ID: "a b", Payload: []byte("{}")}
	elsewhere, err := schemas.ExampleEvent("payment.success")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, publish := range map[string]func() error{
		"payload":         func() error { _, err := p.Publish(ctx, schemas.PaymentSuccess{}); return err },
		"payload, async":  func() error { return p.PublishAsync(ctx, schemas.PaymentSuccess{}) },
		"envelope":        func() error { _, err := p.PublishEvent(ctx, "payments.refunded", byHand); return err },
		"envelope, async": func() error { return p.PublishEventAsync(ctx, "payments.refunded", byHand) },
		"subject":         func() error { _, err := p.PublishEvent(ctx, "payments.failed", elsewhere); return err },
		"subject, async":  func() error { return p.PublishEventAsync(ctx, "payments.other", elsewhere) },
	} {
		var invalid *schemas.InvalidError
		if err := publish(); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, subject := range []string{"", "payments.>", "payments.*", "pay ments", "payments..x"} {
		if _, err := p.PublishEvent(ctx, subject, elsewhere); err == nil {
			t.Errorf("published on %q", subject)
		}
	}
	own, err := schemas.Wrap("payment.refunded", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"dlq.payments.payments.refunded", "receipt.payments.delivered.00", "$JS.API.INFO"} {
		for _, err := range []error{p.PublishEventAsync(ctx, subject, own), second(p.PublishEvent(ctx, subject, own))} {
			if err == nil || !strings.Contains(err.Error(), "not a subject for events") {
				t.Errorf("published on %q: %v", subject, err)
			}
		}
	}
	for _, err := range []error{p.PublishAsync(ctx, unlisted{}), second(p.Publish(ctx, unlisted{}))} {
		if !errors.Is(err, subjects.ErrNotInCatalogue) {
			t.Errorf("outside the catalogue: %v", err)
		}
	}
	if err := p.Close(within(t, patience)); err != nil {
		t.Error(err)
	}
	if n := len(s.events(t)); n != 0 {
		t.Errorf("%d events are stored", n)
	}
}

type unlisted struct{}

func (unlisted) EventType() string { return "payment.refunded" }

func second(_ *jetstream.PubAck, err error) error { return err }

func TestPublishSaysWhatWentWrong(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "messages.>")
	// Somebody listens where no stream does, and does not answer.
	sub, err := js.Conn().SubscribeSync("errors.occurred")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	person := schemas.Person{ID: "1", Email: "a@example.org"}
	for _, c := range []struct {
		payload schemas.Payload
		is      error
		says    string
		timeout time.Duration
	}{
		{ticket("t1", "x"), subjects.ErrNoStream, "no stream takes the subject tickets.status_changed; create the stream", patience},
		{schemas.ErrorOccurred{ErrorID: "e", Severity: schemas.SeverityHigh, Service: "s"}, subjects.ErrNoAck, "may have been stored", 200 * time.Millisecond},
		{
			schemas.MessageSent{MessageID: "m", Sender: person, Recipient: person, Body: strings.Repeat("x", 1<<20)},
			subjects.ErrTooLarge, "the limit is 1048576", patience,
		},
	} {
		p := subjects.NewPublisher(js, subjects.PublisherConfig{Timeout: c.timeout})
		_, err := p.Publish(t.Context(), c.payload)
		var failed *subjects.PublishError
		if !errors.As(err, &failed) || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.payload.EventType(), err)
			continue
		}
		if failed.Event.Type != c.payload.EventType() || !strings.Contains(err.Error(), failed.Event.ID) {
			t.Errorf("%s: the error has the event %s", c.payload.EventType(), failed.Event.Type)
		}
	}
}

// TestPublishWhileNATSIsAway: it ends in time, was not sent, and is not sent
// later behind the service's back.
func TestPublishWhileNATSIsAway(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	s.away(t, js)
	short := subjects.NewPublisher(js, subjects.PublisherConfig{Timeout: 50 * time.Millisecond})
	long := subjects.NewPublisher(js, subjects.PublisherConfig{Timeout: time.Hour})
	for name, publish := range map[string]func() error{
		"timeout":  func() error { return second(short.Publish(t.Context(), ticket("t1", "timeout"))) },
		"deadline": func() error { return second(long.Publish(within(t, 50*time.Millisecond), ticket("t1", "deadline"))) },
	} {
		start := time.Now()
		if err := publish(); !errors.Is(err, subjects.ErrDisconnected) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > patience {
			t.Errorf("%s: %v", name, took)
		}
	}
	s.start(t)
	if _, err := long.Publish(within(t, patience), ticket("t1", "back")); err != nil {
		t.Fatal(err)
	}
	if stored := s.events(t); len(stored) != 1 {
		t.Errorf("%d events are stored, want the last only", len(stored))
	}
}

func TestPublishWaitsForNATSToComeBack(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	s.away(t, js)
	p := subjects.NewPublisher(js, subjects.PublisherConfig{Timeout: patience})
	done := make(chan error)
	go func() { done <- second(p.Publish(t.Context(), ticket("t1", "solved"))) }()
	s.start(t)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPublishBeforeTheFirstConnection(t *testing.T) {
	s := startServer(t)
	url := s.running.ClientURL()
	s.stop()
	p := subjects.NewPublisher(s.connectURL(t, url), subjects.PublisherConfig{Timeout: 50 * time.Millisecond})
	if _, err := p.Publish(t.Context(), ticket("t1", "x")); !errors.Is(err, subjects.ErrDisconnected) {
		t.Errorf("Publish: %v", err)
	}
}

func TestPublishOnAClosedConnection(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	reported := make(chan *subjects.PublishError, 1)
	p := subjects.NewPublisher(js, subjects.PublisherConfig{
		Timeout: time.Hour,
		OnError: func(err *subjects.PublishError) { reported <- err },
	})
	js.Conn().Close()
	if _, err := p.Publish(t.Context(), ticket("t1", "x")); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Publish: %v", err)
	}
	if err := p.PublishAsync(t.Context(), ticket("t1", "x")); err != nil {
		t.Fatal(err)
	}
	if err := <-reported; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("OnError: %v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPublishWithAnEndedContext(t *testing.T) {
	s := startServer(t)
	js := s.connect(t)
	createStream(t, js, "tickets.>")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := subjects.NewPublisher(js, subjects.PublisherConfig{}).Publish(ctx, ticket("t1", "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: %v", err)
	}
	if n := len(s.events(t)); n != 0 {
		t.Errorf("%d events are stored", n)
	}
}

func BenchmarkPublish(b *testing.B) {
	s := startServer(b)
	js := s.connect(b)
	createStream(b, js, "tickets.>")
	p := subjects.NewPublisher(js, subjects.PublisherConfig{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Publish(b.Context(), ticket("t1", "x")); err != nil {
			b.Fatal(err)
		}
	}
}
