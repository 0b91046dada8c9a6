package replay

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// fill stores letters of payments.
func fill(b *testing.B, js jetstream.JetStream, letters int) {
	b.Helper()
	for i := range letters {
		msg := nats.NewMsg("dlq.payments.payments.success")
		msg.Header.Set("Makebridge-Event-Id", fmt.Sprint("e-", i))
		msg.Header.Set("Makebridge-Type", "payment.success")
		msg.Header.Set("Makebridge-Reason", "rejected")
		msg.Data = make([]byte, 700)
		if _, err := js.PublishMsgAsync(msg); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 || i == letters-1 {
			<-js.PublishAsyncComplete()
		}
	}
}

func benchLetters(b *testing.B, letters int) (*Letters, *Events) {
	b.Helper()
	js := testbed.Connect(b, testbed.StartServer(b, embedded.Config{}).URL())
	for name, subject := range map[string]string{"EVENTS": "redeliver.>", "EVENTS_DLQ": "dlq.>"} {
		if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}, AllowDirect: true}); err != nil {
			b.Fatal(err)
		}
	}
	fill(b, js, letters)
	l, err := OpenLetters(b.Context(), js, "EVENTS_DLQ")
	if err != nil {
		b.Fatal(err)
	}
	e, err := OpenEvents(b.Context(), js, "EVENTS")
	if err != nil {
		b.Fatal(err)
	}
	return l, e
}

// BenchmarkPage reads a page of 50 from 100,000 letters: the latest, and one
// that nothing matches.
func BenchmarkPage(b *testing.B) {
	letters, _ := benchLetters(b, 100_000)
	for name, f := range map[string]Filter{"latest": {}, "no match": {EventID: "none"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := letters.Page(b.Context(), f, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReplay replays letters; an operation is one letter.
func BenchmarkReplay(b *testing.B) {
	letters, events := benchLetters(b, b.N)
	picks, err := letters.Select(b.Context(), Filter{}, nil)
	if err != nil || len(picks) != b.N {
		b.Fatalf("%d letters: %v", len(picks), err)
	}
	ids := make([]uint64, len(picks))
	for i, p := range picks {
		ids[i] = p.ID
	}
	b.ResetTimer()
	if tally, err := letters.Replay(b.Context(), events, ids, nil); err != nil || tally.Done != b.N {
		b.Fatalf("%+v, %v", tally, err)
	}
}
