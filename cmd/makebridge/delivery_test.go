package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// paymentEvent is a valid event, with white space and a member of its own that
// must survive.
func paymentEvent(id string) string {
	return fmt.Sprintf(`{ "type":"payment.success",  "event_id":%q,"sent_at":"2026-01-02T03:04:05Z",
	"payload":{"payment_id":"pay_1","amount":1200,"currency":"EUR","purpose":"course",
	"customer":{"id":"c1","email":"ada@example.com"}, "note":"é\u00e9"}, "tenant": "x" }`, id)
}

func TestEventArrivesByteForByteWithItsHeaders(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	w.start("MAKE_WEBHOOK_PAYMENTS_API_KEY=key-1", "MAKE_WEBHOOK_PAYMENTS_SIGNING_SECRET="+secret)
	body := paymentEvent("event-1")
	w.publish("payments.success", body, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "a=b")
	a := w.arrived(1)[0]
	if string(a.Body) != body || a.Method != http.MethodPost || a.Path != "/payments" || a.Query != "" {
		t.Errorf("%s %s?%s %q", a.Method, a.Path, a.Query, a.Body)
	}
	for name, want := range map[string]string{
		"Content-Type":       "application/json",
		"User-Agent":         "makebridge/" + programVersion(),
		"webhook-id":         "event-1",
		"Idempotency-Key":    `"event-1"`,
		"x-make-apikey":      "key-1",
		"X-Event-Type":       "payment.success",
		"X-Event-Subject":    "payments.success",
		"X-Delivery-Count":   "1",
		"X-Delivery-Attempt": "1",
		"traceparent":        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"tracestate":         "a=b",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify(a.Body, a.Header); err != nil {
		t.Errorf("signature: %v", err)
	}
	w.settled("payments")
}

func TestAckFloorMovesOnlyAfterTheAnswer(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	gate := standin.NewGate()
	w.makecom.Default("payments", gate.Then(standin.Accept()))
	w.start()
	seq := w.publish("payments.success", paymentEvent("event-1"))
	w.arrived(1)
	if i := w.consumer("payments"); i.AckFloor.Stream != 0 || i.NumAckPending != 1 {
		t.Errorf("ack floor %d, %d pending while the webhook withholds its answer", i.AckFloor.Stream, i.NumAckPending)
	}
	gate.Open()
	w.settled("payments")
	if i := w.consumer("payments"); i.AckFloor.Stream != seq {
		t.Errorf("ack floor %d, want %d", i.AckFloor.Stream, seq)
	}
}

func TestKilledBetweenRequestAndAnswer(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("payments", standin.Hang())
	const ackWait = "BRIDGE_ACK_WAIT=6s" // longer than a stall of the machine
	victim := w.process(ackWait)
	w.publish("payments.success", paymentEvent("event-1"))
	w.arrived(1)
	if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	if i := w.consumer("payments"); i.AckFloor.Stream != 0 {
		t.Fatalf("acknowledged without an answer: %+v", i.AckFloor)
	}
	w.process(ackWait)
	a := w.arrived(2)[1]
	if a.EventID != "event-1" || a.Delivery != 2 {
		t.Errorf("event %s, delivery %d", a.EventID, a.Delivery)
	}
	w.settled("payments")
}

func TestSIGTERMFinishesWhatIsInFlight(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	gate := standin.NewGate()
	w.makecom.Default("payments", gate.Then(standin.Accept()))
	// Were the rest not handed back, it would be away for ten minutes.
	env := []string{"BRIDGE_ACK_WAIT=10m", "BRIDGE_CONCURRENCY=2"}
	leaving := w.process(env...)
	const events = 6
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
	}
	w.arrived(2)
	if err := leaving.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.process(env...)
	w.eventually("it to say that it stops", func() bool {
		return strings.Contains(leaving.Stderr.(*buffer).String(), `"msg":"makebridge stops, finishing what is in flight","events":2,"at_most_ms":25000`)
	})
	w.arrived(4) // the other replica has begun
	gate.Open()
	if err := leaving.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	w.settled("payments")
	if c := w.makecom.Counts(); c.Arrived != events || c.AcceptedEvents != events {
		t.Errorf("%d requests for %d events, want %d for %d", c.Arrived, c.AcceptedEvents, events, events)
	}
}

func TestNATSAwayForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start("BRIDGE_ACK_WAIT=2s")
	const events = 60
	for i := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
		if i%20 != 10 {
			continue
		}
		w.nats.Shutdown()
		w.eventually("the bridge to be unready without NATS", func() bool {
			status, body := p.health("/readyz")
			return status == http.StatusServiceUnavailable && strings.Contains(body, "nats")
		})
		if status, _ := p.health("/livez"); status != http.StatusOK {
			t.Errorf("not alive without NATS: %d", status)
		}
		w.startNATS()
	}
	w.settled("payments")
	if c := w.makecom.Counts(); c.AcceptedEvents != events {
		t.Errorf("%d events accepted, want %d", c.AcceptedEvents, events)
	}
	w.eventually("readiness", func() bool { status, _ := p.health("/readyz"); return status == http.StatusOK })
	if status := p.end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
}

func TestNATSAwayAtTheStart(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.nats.Shutdown()
	p := w.start()
	where := "connect to NATS at " + w.nats.URL() + ": no answer; is the server running, and is NATS_URL right?"
	w.eventually("the trouble to be told", func() bool {
		return strings.Contains(p.log.String(), "cannot connect to NATS yet") && strings.Contains(p.log.String(), where)
	})
	if status, body := p.health("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "payments") {
		t.Errorf("ready without NATS: %d %s", status, body)
	}
	w.startNATS()
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
}

func TestFailingWebhookIsTriedAgain(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Script("payments", standin.Status(500), standin.Reset(), standin.Status(503), standin.Status(408))
	w.start("BRIDGE_DELIVERY_ATTEMPTS=3")
	w.publish("payments.success", paymentEvent("event-1"))
	var got []string
	for _, a := range w.arrived(5) {
		got = append(got, fmt.Sprint(a.Delivery, ".", a.Attempt))
		if a.EventID != "event-1" {
			t.Errorf("webhook-id %s", a.EventID)
		}
	}
	if want := "1.1 1.2 1.3 2.1 2.2"; strings.Join(got, " ") != want {
		t.Errorf("requests %v, want %s", got, want)
	}
	w.settled("payments")
}

func TestHeldDestinationKeepsItsEventsAliveAndOthersFlow(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]standin.Behaviour{
		"too many requests": standin.TooManyRequests(""),
		"queue full":        standin.QueueFull(),
		"gone":              standin.Status(410),
		"redirect":          standin.Redirect("/elsewhere"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, embedded.Config{}, standin.Config{})
			w.makecom.Default("payments", fault)
			const ackWait = 6 * time.Second // longer than a stall of the machine
			w.start("BRIDGE_ACK_WAIT="+ackWait.String(), "MAKE_WEBHOOK_MESSAGES_URL="+w.makecom.URL("messages"))
			const events = 5
			for i := range events {
				w.publish("payments.success", paymentEvent(fmt.Sprint("event-", i)))
			}
			w.arrived(events)
			begin := time.Now()
			w.eventually("several probes, and more than an ack wait to pass", func() bool {
				return w.makecom.Counts().ByPath["/payments"] >= events+3 && time.Since(begin) > 3*ackWait/2
			})
			w.publish("messages.anything", `{"type":"message.anything","event_id":"m","sent_at":"2026-01-02T03:04:05Z","payload":{}}`)
			w.settled("messages")
			if n := w.consumer("payments").NumRedelivered; n > 0 {
				t.Errorf("%d events that wait were not kept alive", n)
			}
			w.makecom.Default("payments", standin.Accept())
			w.settled("payments")
			for _, a := range w.makecom.Arrivals() {
				if a.Delivery > 1 {
					t.Fatalf("waiting spent a delivery: %s has its %d.", a.EventID, a.Delivery)
				}
			}
			if c := w.makecom.Counts(); c.AcceptedEvents != events+1 || c.ByPath["/elsewhere"] > 0 || len(w.letters()) > 0 {
				t.Errorf("%+v, %d letters", c, len(w.letters()))
			}
		})
	}
}

func TestPipesLogJSON(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	p := w.start()
	w.publish("payments.success", paymentEvent("event-1"))
	w.settled("payments")
	w.eventually("the line of the delivery", func() bool { return strings.Contains(p.log.String(), "event delivered") })
	p.end()
	for line := range strings.Lines(p.log.String()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("not a JSON object: %s", line)
		}
		if !strings.Contains(line, "event delivered") {
			continue
		}
		for _, attr := range []string{`"route":"payments"`, `"subject":"payments.success"`, `"event_id":"event-1"`,
			`"type":"payment.success"`, `"status":200`, `"attempt":1`, `"delivery":1`, `"duration_ms":`} {
			if !strings.Contains(line, attr) {
				t.Errorf("%s is missing in %s", attr, line)
			}
		}
	}
}
