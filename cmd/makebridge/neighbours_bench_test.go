package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/schemas"
)

// neighbourAnswer is how long a webhook takes that works: long enough for the
// routes and not the processor to be what bounds them.
const neighbourAnswer = 20 * time.Millisecond

// BenchmarkNeighbours is what one webhook that hangs and one that answers 500 cost
// two that work: b.N events of each of these are drained, with as many waiting for
// the others, and without any. The budget is 0.95.
//
//	go test -run '^$' -bench Neighbours -benchtime 10000x -count 5 ./cmd/makebridge
func BenchmarkNeighbours(b *testing.B) {
	alone := drainBeside(b)
	beside := drainBeside(b, schemas.TypeAppointmentCreated, schemas.TypeTicketCreated)
	b.ReportMetric(0, "ns/op") // of both together
	b.ReportMetric(alone, "alone-events/s")
	b.ReportMetric(beside, "events/s")
	b.ReportMetric(beside/alone, "of-alone")
}

// drainBeside returns how many events a second the two routes deliver whose
// webhooks work, while events of other types wait for those that do not.
func drainBeside(b *testing.B, others ...string) (rate float64) {
	server, err := embedded.Start(embedded.Config{StoreDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Shutdown()
	types := []string{schemas.TypePaymentSuccess, schemas.TypeMessageSent}
	well := newFinish(len(types) * b.N)
	fillStream(b, server.URL(), append(types, others...)...)
	hung := make(chan struct{})
	webhook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hangs":
			select {
			case <-hung:
			case <-r.Context().Done():
			}
		case "/fails":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			<-time.After(neighbourAnswer)
			well.ServeHTTP(w, r)
		}
	}))
	defer webhook.Close()
	defer close(hung)
	stop := runWith(b, server.URL(), webhook.URL, "BRIDGE_CONCURRENCY=16", "BRIDGE_SHUTDOWN_TIMEOUT=1s",
		"MAKE_WEBHOOK_MESSAGES_URL="+webhook.URL+"/messages",
		"MAKE_WEBHOOK_APPOINTMENTS_URL="+webhook.URL+"/hangs",
		"MAKE_WEBHOOK_SUPPORT_TICKETS_URL="+webhook.URL+"/fails")
	<-well.done
	stop()
	return float64(2*b.N) / well.took().Seconds()
}
