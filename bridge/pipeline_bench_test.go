package bridge

import (
	"context"
	"testing"
	"time"

	"github.com/makebridge/makebridge/schemas"
)

// accepting is a destination in memory.
type accepting struct{}

func (accepting) Deliver(context.Context, Request, func(context.Context) error) Answer {
	return Answer{Class: ClassDelivered, Status: 200, Attempts: 1}
}

// BenchmarkHandle takes an event through the whole pipeline (decode, validate,
// filter, gate, deliver, judge), to a destination that costs nothing.
func BenchmarkHandle(b *testing.B) {
	u, err := ParseWebhookURL("https://hook.example.com/abc", false)
	if err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct{ typ, subject string }{
		{schemas.TypePaymentSuccess, "payments.success"}, {schemas.TypeErrorOccurred, "errors.occurred"},
	} {
		b.Run(bm.typ, func(b *testing.B) {
			p := NewPipeline(Config{
				Route:     &Route{Name: "route", Destination: &Destination{URL: u}, Timeout: time.Second, MinSeverity: SeverityLow},
				Deliverer: accepting{}, Gate: &forgetful{}, Retry: testPolicy, Validation: ValidationEnforce,
			})
			e, err := schemas.ExampleEvent(bm.typ)
			if err != nil {
				b.Fatal(err)
			}
			body, err := e.Encode()
			if err != nil {
				b.Fatal(err)
			}
			m := Message{Subject: bm.subject, Body: body, Sequence: 7, Published: time.Now(), Delivery: 1}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if v := p.Handle(b.Context(), m); v.Outcome != Delivered {
					b.Fatalf("%+v", v)
				}
			}
		})
	}
}

// forgetful is an open gate that does not grow with what goes through it.
type forgetful struct{ openGate }

func (*forgetful) Leave(context.Context, *Destination, Message, Pass, Answer) {}
