package standin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestAnswers(t *testing.T) {
	header := http.Header{"Retry-After": {"7"}}
	for name, c := range map[string]struct {
		do         standin.Behaviour
		status     int
		body       string
		retryAfter string
		accepted   bool
	}{
		"zero":        {standin.Behaviour{}, 200, "Accepted", "", true},
		"accept":      {standin.Accept(), 200, "Accepted", "", true},
		"202":         {standin.Status(202), 202, "Accepted", "", true},
		"204":         {standin.Status(204), 204, "", "", true},
		"410":         {standin.Status(410), 410, "There is no scenario listening for this webhook.", "", false},
		"500":         {standin.Status(500), 500, "Internal Server Error", "", false},
		"queue full":  {standin.QueueFull(), 400, "Queue is full.", "", false},
		"429":         {standin.TooManyRequests(""), 429, "Too Many Requests", "", false},
		"429 pausing": {standin.TooManyRequests("2"), 429, "Too Many Requests", "2", false},
		"all of it":   {standin.StatusWith(503, header, "down"), 503, "down", "7", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, standin.Config{})
			s.Script("payments", c.do)
			got := mustPost(t, s.URL("payments"), "{}")
			if got.Status != c.status || got.Body != c.body || got.Header.Get("Retry-After") != c.retryAfter {
				t.Errorf("answered %d %q, Retry-After %q; want %d %q, %q",
					got.Status, got.Body, got.Header.Get("Retry-After"), c.status, c.body, c.retryAfter)
			}
			a := only(t, s.Arrivals())
			if a.Outcome != standin.OutcomeAnswered || a.Status != c.status || a.Accepted() != c.accepted {
				t.Errorf("recorded %s %d, accepted %t; want answered %d, %t",
					a.Outcome, a.Status, a.Accepted(), c.status, c.accepted)
			}
		})
	}
}

func TestRedirectLeadsToAPage(t *testing.T) {
	s := serve(t, standin.Config{})
	s.Script("payments", standin.Redirect("/elsewhere"))
	if got := mustPost(t, s.URL("payments"), "{}"); got.Status != 302 || got.Header.Get("Location") != "/elsewhere" {
		t.Errorf("answered %d to %q", got.Status, got.Header.Get("Location"))
	}

	s.Script("payments", standin.Redirect("/elsewhere"))
	follower := newClient(t)
	follower.CheckRedirect = nil
	got, err := send(follower, newRequest(deadline(t), t, s.URL("payments"), "{}"))
	if err != nil || got.Status != 200 {
		t.Errorf("a client that follows gets %d, %v; want 200", got.Status, err)
	}
	as := s.Arrivals()
	if last := as[len(as)-1]; last.Path != "/elsewhere" || last.Method != http.MethodGet {
		t.Errorf("it shows as %s %s, want GET /elsewhere", last.Method, last.Path)
	}
}

func TestBrokenRedirectCannotBeParsed(t *testing.T) {
	s := serve(t, standin.Config{})
	s.Default("payments", standin.BrokenRedirect())
	r := newRequest(deadline(t), t, s.URL("payments"), "{}")
	res, err := newClient(t).Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusFound {
		t.Errorf("answered %d, want 302", res.StatusCode)
	}
	if where, err := res.Location(); err == nil {
		t.Errorf("location parsed: %s", where)
	}
}

func TestHangEndsWithItsClient(t *testing.T) {
	s := standin.New(standin.Config{})
	s.Default("payments", standin.Hang())
	released := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(released)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(ts.Close)
	t.Cleanup(func() { _ = s.Close() })
	ctx, hangUp := context.WithCancel(deadline(t))
	ended := make(chan error, 1)
	go func() {
		_, err := send(newClient(t), newRequest(ctx, t, ts.URL+"/payments", "{}"))
		ended <- err
	}()
	as, err := s.Wait(deadline(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if a := only(t, as); a.Outcome != standin.OutcomeHung || a.Status != 0 || a.Accepted() {
		t.Errorf("recorded %s %d, accepted %t", a.Outcome, a.Status, a.Accepted())
	}
	select {
	case err := <-ended:
		t.Fatalf("ended by itself: %v", err)
	default:
	}
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("client got %v", err)
	}
	select {
	case <-released:
	case <-deadline(t).Done():
		t.Error("the request hangs on without its client")
	}
}

func TestGateHoldsUntilItOpens(t *testing.T) {
	s := serve(t, standin.Config{})
	gate := standin.NewGate()
	s.Default("payments", gate.Then(standin.Status(202)))
	answers := make(chan answer, 2)
	for range 2 {
		go func() {
			a, err := post(t, s.URL("payments"), "{}")
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	as, err := s.WaitFor(deadline(t), func(as []standin.Arrival) bool { return len(as) == 2 })
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range as {
		if a.Outcome != standin.OutcomePending {
			t.Errorf("behind the gate: %s", a.Outcome)
		}
	}
	if len(answers) > 0 {
		t.Fatal("answered before the gate opened")
	}
	gate.Open()
	gate.Open() // the second does nothing
	for range 2 {
		if a := <-answers; a.Status != 202 {
			t.Errorf("answered %d, want 202", a.Status)
		}
	}
	if got := mustPost(t, s.URL("payments"), "{}"); got.Status != 202 {
		t.Errorf("through the open gate: %d", got.Status)
	}
}

func TestClientThatLeavesBeforeTheAnswerAbandonsIt(t *testing.T) {
	for name, b := range map[string]standin.Behaviour{
		"gate":  standin.NewGate().Then(standin.Accept()),
		"delay": standin.After(time.Hour, standin.Accept()),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, standin.Config{})
			s.Default("payments", b)
			ctx, leave := context.WithCancel(deadline(t))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = send(newClient(t), newRequest(ctx, t, s.URL("payments"), "{}"))
			}()
			if _, err := s.WaitFor(deadline(t), func(as []standin.Arrival) bool { return len(as) == 1 }); err != nil {
				t.Fatal(err)
			}
			leave()
			<-ended
			as, err := s.Wait(deadline(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			if a := only(t, as); a.Outcome != standin.OutcomeAbandoned || a.Accepted() {
				t.Errorf("recorded %s, accepted %t; want abandoned", a.Outcome, a.Accepted())
			}
		})
	}
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := standin.New(standin.Config{Delay: 2 * time.Second})
		s.Script("payments", standin.After(3*time.Second, standin.Status(500)))
		for i, want := range []struct {
			status int
			after  time.Duration
		}{{500, 5 * time.Second}, {200, 2 * time.Second}} {
			before, w := time.Now(), httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader("{}")))
			if w.Code != want.status || time.Since(before) != want.after {
				t.Errorf("answer %d: %d after %s, want %d after %s", i, w.Code, time.Since(before), want.status, want.after)
			}
			a := s.Arrivals()[i]
			if took := a.Settled.Sub(a.Time); took != want.after {
				t.Errorf("arrival %d: settled after %s, want %s", i, took, want.after)
			}
		}
	})
}
