package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func reject(ctx context.Context, m bridge.Message) bridge.Verdict {
	if strings.HasPrefix(string(m.Body), "good") {
		return accept(ctx, m)
	}
	return bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Rejected, EventID: "e-1", Type: "payment.success", Error: "HTTP 422: no", Status: 422, Attempts: 1}
}

func TestDeadLetterHoldsTheEventAndItsReason(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.run(testSettings(), reject, testRoute(t, "payments", 1))
	b.publish("payments.success", "good")
	seq := b.publish("payments.success", "bad", "Nats-Msg-Id", "id-1", "Nats-Expected-Stream", "EVENTS", "nats-ttl", "1h",
		"traceparent", "00-1", "X-Own", "kept", "Makebridge-Route", "forged")
	b.settled("payments")
	letters := b.letters()
	if len(letters) != 1 {
		t.Fatalf("%d letters, want 1", len(letters))
	}
	l := letters[0]
	if l.Subject != "dlq.payments.payments.success" || string(l.Data) != "bad" {
		t.Errorf("letter %s %q", l.Subject, l.Data)
	}
	for _, name := range []string{"Makebridge-Published-At", "Makebridge-Failed-At"} {
		if at, err := time.Parse(time.RFC3339Nano, l.Header.Get(name)); err != nil || time.Since(at) > patience {
			t.Errorf("%s: %q", name, l.Header.Get(name))
		}
		l.Header.Del(name)
	}
	// What the event's publisher told the server is not told of the letter.
	if id := l.Header.Get("Nats-Msg-Id"); !strings.HasPrefix(id, "payments:EVENTS:") {
		t.Errorf("the letter has the id %q", id)
	}
	for _, name := range []string{"Msg-Id", "Stream", "Subject", "Sequence", "Time-Stamp"} { // the last four are the answer's
		l.Header.Del("Nats-" + name)
	}
	want := nats.Header{
		"Makebridge-Route": {"payments"}, "Makebridge-Subject": {"payments.success"}, "Makebridge-Reason": {"rejected"},
		"Makebridge-Event-Id": {"e-1"}, "Makebridge-Type": {"payment.success"},
		"Makebridge-Error": {"HTTP 422: no"}, "Makebridge-Status": {"422"}, "Makebridge-Deliveries": {"1"},
		"Makebridge-Sequence": {fmt.Sprint(seq)}, "traceparent": {"00-1"}, "X-Own": {"kept"}, "Nats-Expected-Stream": {"EVENTS_DLQ"},
	}
	if diff := cmp.Diff(want, l.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestTwoRoutesEachKeepALetterOfOneEvent(t *testing.T) {
	b := newBed(t, embedded.Config{})
	audit := testRoute(t, "audit", 1)
	audit.Subjects = []string{"payments.>"}
	b.run(testSettings(), reject, testRoute(t, "payments", 1), audit)
	b.publish("payments.success", "bad", "Nats-Msg-Id", "id-1")
	b.settled("payments")
	b.settled("audit")
	if n := len(b.letters()); n != 2 {
		t.Fatalf("%d letters, want 2", n)
	}
}

func TestDeadLetterStreamAway(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	handled := make(chan string, 100)
	r := b.run(settings, func(ctx context.Context, m bridge.Message) bridge.Verdict {
		handled <- string(m.Body)
		return reject(ctx, m)
	}, testRoute(t, "payments", 1))
	if err := b.client().DeleteStream(t.Context(), "EVENTS_DLQ"); err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "bad")
	if s := <-handled; s != "bad" {
		t.Fatal(s)
	}
	const others = 20
	for i := range others {
		b.publish("payments.success", fmt.Sprint("good", i))
	}
	// With a concurrency of one, others flow only if the letter takes no slot.
	eventually(t, "other events to flow", func() bool { return r.count(bridge.Delivered) == others })
	if i := b.consumer("payments"); i.NumAckPending != 1 || i.AckFloor.Stream != 0 {
		t.Errorf("%d pending, ack floor %d: acknowledged without a letter", i.NumAckPending, i.AckFloor.Stream)
	}
	if _, err := b.client().CreateStream(t.Context(), wantLetters(settings)); err != nil {
		t.Fatal(err)
	}
	b.settled("payments")
	if n := len(b.letters()); n != 1 {
		t.Errorf("%d letters, want 1", n)
	}
	if n := len(handled); n != others {
		t.Errorf("%d more handled, want %d: handled again while its letter could not be stored", n, others)
	}
}

func TestStoringALetterAgainHasNoEffect(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	if err := NewProvisioner(b.client(), settings).Streams(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := &letters{js: b.client(), route: "payments", events: "EVENTS", dlq: "EVENTS_DLQ"}
	it := &item{
		Message: bridge.Message{Subject: "payments.success", Sequence: 3, Published: time.Unix(1, 2), Delivery: 1},
		msg:     nats.NewMsg("payments.success"),
	}
	for range 3 {
		if err := l.store(t.Context(), it, bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Invalid}); err != nil {
			t.Fatal(err)
		}
	}
	it.Published = time.Unix(2, 2) // the same sequence of a stream created anew
	if err := l.store(t.Context(), it, bridge.Verdict{Outcome: bridge.DeadLettered, Reason: bridge.Invalid}); err != nil {
		t.Fatal(err)
	}
	if n := len(b.letters()); n != 2 {
		t.Fatalf("%d letters, want 2", n)
	}
}

func TestLetterOverMaxPayloadIsCompressed(t *testing.T) {
	b := newBed(t, embedded.Config{MaxPayload: 8192})
	b.run(testSettings(), reject, testRoute(t, "payments", 1))
	body := strings.Repeat("x", 8192-200)
	b.publish("payments.success", body)
	b.settled("payments")
	letters := b.letters()
	if len(letters) != 1 || letters[0].Header.Get("Makebridge-Body") != "gzip" {
		t.Fatalf("letters %+v", letters)
	}
	r, err := gzip.NewReader(bytes.NewReader(letters[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != body {
		t.Fatalf("%d bytes back, %v", len(got), err)
	}
}

// TestLetterOfALongSubject does not cost the bridge its connection, which a server
// ends for good over a line that is too long.
func TestLetterOfALongSubject(t *testing.T) {
	b := newBed(t, embedded.Config{})
	r := b.run(testSettings(), reject, testRoute(t, "payments", 1))
	subject := "payments." + strings.Repeat("x", 4035)
	b.publish(subject, "bad")
	b.publish("payments.success", "good")
	b.settled("payments")
	if r.js.Conn().IsClosed() {
		t.Fatal("the connection has ended for good")
	}
	letters := b.letters()
	if len(letters) != 1 || letters[0].Header.Get("Makebridge-Subject") != subject || string(letters[0].Data) != "bad" {
		t.Fatalf("%d letters, want that of the event", len(letters))
	}
}

// TestLetterThatDoesNotFit waits for the server's max_payload to be raised, as long
// as its event is kept; then it is stored with as much of the event as fits.
func TestLetterThatDoesNotFit(t *testing.T) {
	t.Parallel()
	const most = 8192
	b := newBed(t, embedded.Config{MaxPayload: most})
	settings := testSettings()
	settings.MaxAge = 20 * time.Second
	b.run(settings, reject, testRoute(t, "payments", 1))
	noise := make([]byte, most-200)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	b.publish("payments.success", string(noise))
	b.publish("payments.success", "bad", "X-Own", strings.Repeat("x", most-200))
	eventually(t, "what is to be done in the log", func() bool { return strings.Contains(b.logs.String(), "raise max_payload") })
	if n := len(b.letters()); n != 0 {
		t.Fatalf("%d letters while the events are kept", n)
	}
	b.settled("payments")
	letters := b.letters()
	if len(letters) != 2 {
		t.Fatalf("%d letters, want 2", len(letters))
	}
	for _, l := range letters {
		if h := l.Header; h.Get("Makebridge-Body") != "truncated" || h.Get("Makebridge-Reason") != "rejected" || h.Get("X-Own") != "" {
			t.Errorf("letter with the headers %v", h)
		}
		// Of the one with large headers the body fits.
		if whole := string(l.Data) == "bad"; !whole && (len(l.Data) < most-2*letterMargin || !bytes.HasPrefix(noise, l.Data)) {
			t.Errorf("%d bytes of %d are kept", len(l.Data), len(noise))
		}
	}
	if bytes.Equal(letters[0].Data, letters[1].Data) {
		t.Error("one letter twice")
	}
}

func TestEventWhoseHandlingCrashesTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	b := newBed(t, embedded.Config{})
	r := b.run(testSettings(), func(ctx context.Context, m bridge.Message) bridge.Verdict {
		if string(m.Body) == "canary" {
			panic("canary")
		}
		return accept(ctx, m)
	}, testRoute(t, "payments", 2))
	b.publish("payments.success", "canary")
	for i := range 20 {
		b.publish("payments.success", fmt.Sprint(i))
	}
	eventually(t, "the others", func() bool { return r.count(bridge.Delivered) == 20 })
	b.settled("payments") // after two delays
	if l := b.letters(); len(l) != 1 || l[0].Header.Get("Makebridge-Reason") != "crashed" || l[0].Header.Get("Makebridge-Deliveries") != "3" {
		t.Errorf("letters %v", l)
	}
	if strings.Contains(b.logs.String(), "canary") || !strings.Contains(b.logs.String(), "letter_test.go") {
		t.Errorf("logged %s", b.logs)
	}
}

// TestDeadLetterStreamThatWasDeletedComesBack without a route's being bound anew:
// it is looked for every minute, and after a reconnection.
func TestDeadLetterStreamThatWasDeletedComesBack(t *testing.T) {
	b := newBed(t, embedded.Config{})
	settings := testSettings()
	settings.AckWait = 2 * time.Second
	b.run(settings, reject, testRoute(t, "payments", 1))
	if err := b.client().DeleteStream(t.Context(), "EVENTS_DLQ"); err != nil {
		t.Fatal(err)
	}
	b.publish("payments.success", "bad")
	eventually(t, "the letter to be in trouble", func() bool { return strings.Contains(b.logs.String(), "store dead letter") })
	b.server.Shutdown()
	b.start()
	b.settled("payments")
	if n := len(b.letters()); n != 1 {
		t.Errorf("%d letters, want 1", n)
	}
}
