package standin_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestArrivalHasTheWholeRequest(t *testing.T) {
	s := serve(t, standin.Config{})
	before := time.Now()
	mustPost(t, s.URL("payments?a=1&b"), `{"n":1}`,
		"webhook-id", "e1", "x-event-type", "payment.success", "x-event-subject", "payments.success",
		"x-delivery-count", "2", "x-delivery-attempt", "3", "traceparent", "00-1")
	got := only(t, s.Arrivals())
	if got.Time.Before(before) || got.Settled.Before(got.Time) {
		t.Errorf("sent %s, arrived %s, settled %s", before, got.Time, got.Settled)
	}
	if got.Header.Get("Traceparent") != "00-1" {
		t.Errorf("headers are %v", got.Header)
	}
	got.Time, got.Settled, got.Header = time.Time{}, time.Time{}, nil
	want := standin.Arrival{
		Number: 1, Method: "POST", Path: "/payments", Query: "a=1&b", Body: []byte(`{"n":1}`), Size: 7,
		EventID: "e1", Type: "payment.success", Subject: "payments.success", Delivery: 2, Attempt: 3,
		Outcome: standin.OutcomeAnswered, Status: 200,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCountsAreOfAllWhileTheLastAreKept(t *testing.T) {
	s := serve(t, standin.Config{Keep: 2})
	s.Script("payments", standin.Status(500), standin.AcceptThenReset())
	if _, err := post(t, s.URL("payments"), "{}", "webhook-id", "e1"); err != nil {
		t.Fatal(err)
	}
	if _, err := post(t, s.URL("payments"), "{}", "webhook-id", "e1"); err == nil {
		t.Fatal("answered, want a reset")
	}
	for _, id := range []string{"e1", "e2", ""} {
		mustPost(t, s.URL("payments"), "{}", "webhook-id", id)
	}
	s.Default("errors", standin.Status(410))
	mustPost(t, s.URL("errors"), "{}", "webhook-id", "e3")

	want := standin.Counts{
		Arrived: 6, Settled: 6, Accepted: 4, Events: 3, AcceptedEvents: 2,
		ByPath:   map[string]int{"/payments": 5, "/errors": 1},
		ByStatus: map[int]int{0: 1, 200: 3, 410: 1, 500: 1},
		Peak:     map[string]int{"/payments": 1, "/errors": 1},
	}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Error(diff)
	}
	as := s.Arrivals()
	if len(as) != 2 || as[0].Number != 5 || as[1].Number != 6 {
		t.Errorf("kept %+v, want the fifth and the sixth", as)
	}
}

func TestCountsAndArrivalsAreSnapshots(t *testing.T) {
	s := serve(t, standin.Config{})
	mustPost(t, s.URL("payments"), "{}")
	counts, arrivals := s.Counts(), s.Arrivals()
	counts.ByPath["/payments"] = 9
	arrivals[0].Path = "/changed"
	mustPost(t, s.URL("payments"), "{}")
	if got := s.Counts().ByPath["/payments"]; got != 2 {
		t.Errorf("count of the path is %d", got)
	}
	if got := s.Arrivals()[0].Path; got != "/payments" {
		t.Errorf("path is %s", got)
	}
}

func TestPeakIsTheMostAtATime(t *testing.T) {
	s := serve(t, standin.Config{})
	gate := standin.NewGate()
	s.Script("payments", gate.Then(standin.Accept()), gate.Then(standin.Accept()), gate.Then(standin.Accept()))
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { _, _ = post(t, s.URL("payments"), "{}") })
	}
	if err := s.WaitForCounts(deadline(t), func(c standin.Counts) bool { return c.Arrived == 3 }); err != nil {
		t.Fatal(err)
	}
	gate.Open()
	all.Wait()
	client := newClient(t)
	for range 200 { // one after another, as fast as it goes
		if _, err := send(client, newRequest(deadline(t), t, s.URL("errors"), "{}")); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"/payments": 3, "/errors": 1}, s.Counts().Peak); diff != "" {
		t.Error(diff)
	}
}

// onHeader is a ResponseWriter that lets a test look at the moment of the
// answer.
type onHeader struct {
	http.ResponseWriter
	look func()
}

func (w onHeader) WriteHeader(int) { w.look() }

func TestAnswerIsInTheJournalBeforeItIsSent(t *testing.T) {
	s := standin.New(standin.Config{})
	serveOne := func(look func()) {
		r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader("{}"))
		s.ServeHTTP(onHeader{httptest.NewRecorder(), look}, r)
	}
	answers := 0
	serveOne(func() {
		answers++
		if a := only(t, s.Arrivals()); a.Outcome != standin.OutcomeAnswered || a.Status != 200 {
			t.Errorf("when its answer is sent, the arrival is %s %d", a.Outcome, a.Status)
		}
		// The client's next request may come before this one's handler is done.
		serveOne(func() { answers++ })
	})
	if got := s.Counts().Peak["/payments"]; got != 1 || answers != 2 {
		t.Errorf("%d requests at a time, %d answers; want 1 and 2", got, answers)
	}
}

func TestOnArrivalIsCalledOnceForEachAndOneByOne(t *testing.T) {
	const requests = 20
	var (
		s      *standin.Server
		active atomic.Int32
		seen   []standin.Arrival
	)
	s = serve(t, standin.Config{OnArrival: func(a standin.Arrival) {
		if active.Add(1) != 1 {
			t.Error("called while another call was under way")
		}
		// The first call lasts until every other is due.
		err := s.WaitForCounts(deadline(t), func(c standin.Counts) bool { return c.Settled == requests })
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, a)
		active.Add(-1)
	}})
	s.Script("payments", standin.Reset(), standin.Status(500))
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() { _, _ = post(t, s.URL("payments"), "{}", "webhook-id", fmt.Sprint(i)) })
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, a := range seen {
		got[a.Outcome.String()+fmt.Sprint(a.Status)]++
	}
	if diff := cmp.Diff(map[string]int{"reset0": 1, "answered500": 1, "answered200": requests - 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	s := serve(t, standin.Config{})
	mustPost(t, s.URL("payments"), "{}")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if as, err := s.Wait(ctx, 1); err != nil || len(as) != 1 {
		t.Errorf("what is there already: %d arrivals, %v", len(as), err)
	}
	_, err := s.Wait(ctx, 2)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 arrivals") || !strings.Contains(err.Error(), "1 settled") {
		t.Errorf("error of Wait is %v", err)
	}
	if _, err := s.WaitFor(ctx, func([]standin.Arrival) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("error of WaitFor is %v", err)
	}
}

func TestRequestThatBreaksOffIsAbandoned(t *testing.T) {
	s := serve(t, standin.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(""), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	as, err := s.Wait(deadline(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if a := only(t, as); a.Outcome != standin.OutcomeAbandoned || a.Accepted() {
		t.Errorf("recorded %s, accepted %t", a.Outcome, a.Accepted())
	}
}
