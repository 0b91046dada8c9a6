package webhook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge"
)

const hook = "http://hook.test/abcdef"

// answering returns a handler that gives the statuses in turn, the last for
// ever.
func answering(statuses ...int) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[min(int(n.Add(1)), len(statuses))-1])
	}
}

// hang reads the request, without which a server does not notice that its
// client is gone, and waits until it is.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestDeliver says which answers are repeated, and what a delivery comes to.
func TestDeliver(t *testing.T) {
	for _, row := range []struct {
		name     string
		statuses []int
		want     bridge.Answer
	}{
		{"delivered", []int{200}, bridge.Answer{Class: bridge.ClassDelivered, Status: 200, Detail: "HTTP 200 OK", Attempts: 1}},
		{"at last", []int{500, 502, 202}, bridge.Answer{Class: bridge.ClassDelivered, Status: 202, Detail: "HTTP 202 Accepted", Attempts: 3}},
		{"failed", []int{500, 500, 504}, bridge.Answer{Class: bridge.ClassFailed, Status: 504, Detail: "HTTP 504 Gateway Timeout", Attempts: 3}},
		{"backpressure", []int{429}, bridge.Answer{Class: bridge.ClassBackpressure, Status: 429, Detail: "HTTP 429 Too Many Requests", Attempts: 1}},
		{"misconfigured", []int{410}, bridge.Answer{Class: bridge.ClassMisconfigured, Status: 410, Detail: "HTTP 410 Gone", Attempts: 1}},
		{"redirect", []int{302}, bridge.Answer{Class: bridge.ClassMisconfigured, Status: 302, Detail: "HTTP 302 Found: redirects are not followed", Attempts: 1}},
		{"rejected", []int{422}, bridge.Answer{Class: bridge.ClassRejected, Status: 422, Detail: "HTTP 422 Unprocessable Entity", Attempts: 1}},
		{"failed, then rejected", []int{500, 422}, bridge.Answer{Class: bridge.ClassRejected, Status: 422, Detail: "HTTP 422 Unprocessable Entity", Attempts: 2}},
		{"unknown status", []int{500, 777}, bridge.Answer{Class: bridge.ClassFailed, Status: 777, Detail: "HTTP 777", Attempts: 3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Minute}, answering(row.statuses...))
				got := c.Deliver(t.Context(), newEvent(t, hook), goOn)
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRequestsAreNumberedAndTheSame: each attempt has its own number and time,
// and all have the body and the event's ids.
func TestRequestsAreNumberedAndTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		c := newPipeClient(t, Config{BackoffMin: 2 * time.Second, BackoffMax: 2 * time.Second},
			func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != eventBody || r.ContentLength != int64(len(eventBody)) {
					t.Errorf("body %s of length %d (%v)", body, r.ContentLength, err)
				}
				h := r.Header
				seen = append(seen, strings.Join([]string{h.Get("Webhook-Id"), h.Get("Idempotency-Key"),
					h.Get("X-Delivery-Count"), h.Get("X-Delivery-Attempt"), h.Get("Webhook-Timestamp")}, " "))
				w.WriteHeader(http.StatusInternalServerError)
			})
		r := newEvent(t, hook)
		r.Delivery, r.Attempt = 2, 5
		c.Deliver(t.Context(), r, goOn)
		want := []string{`evt-1 "evt-1" 2 5 946684800`, `evt-1 "evt-1" 2 6 946684802`, `evt-1 "evt-1" 2 7 946684804`}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// TestRetryAfterIsNotSleptOut: an hour asked for with a 500 keeps nobody busy.
func TestRetryAfterIsNotSleptOut(t *testing.T) {
	for _, status := range []int{500, 503, 429} {
		synctest.Test(t, func(t *testing.T) {
			c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: 4 * time.Second},
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", "3600")
					w.WriteHeader(status)
				})
			start := time.Now()
			c.Deliver(t.Context(), newEvent(t, hook), goOn)
			if took := time.Since(start); took > 2*time.Second+4*time.Second {
				t.Errorf("status %d took %v, more than the two backoffs", status, took)
			}
		})
	}
}

// TestBackoffIsSpread: deliveries that failed together do not return together.
func TestBackoffIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Minute}, answering(500))
		waits := map[time.Duration]bool{}
		for range 20 {
			start := time.Now()
			c.Deliver(t.Context(), newEvent(t, hook), goOn)
			wait := time.Since(start)
			if wait < 3*time.Second || wait > 6*time.Second {
				t.Errorf("two backoffs took %v, want 1s to 2s and 2s to 4s", wait)
			}
			waits[wait] = true
		}
		if len(waits) == 1 {
			t.Errorf("20 deliveries all waited %v", waits)
		}
	})
}

// TestHangingServer: each request ends at its timeout, and not before.
func TestHangingServer(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { hang(r) },
		"no body": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_ = http.NewResponseController(w).Flush()
			hang(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Second}, handle)
				start := time.Now()
				a := c.Deliver(t.Context(), newEvent(t, hook), goOn)
				if a.Class != bridge.ClassFailed || a.Attempts != 3 {
					t.Errorf("answer %+v, want three failures", a)
				}
				if a.Status == 0 && a.Detail != "timeout after 20s" {
					t.Errorf("detail %q", a.Detail)
				}
				if took, want := time.Since(start), 3*20*time.Second+2*time.Second; took != want {
					t.Errorf("took %v, want %v", took, want)
				}
			})
		})
	}
}

// TestStopInMidRequest: what is in flight ends by itself, and nothing follows.
func TestStopInMidRequest(t *testing.T) {
	for status, want := range map[int]bridge.Class{
		200: bridge.ClassDelivered,
		429: bridge.ClassBackpressure,
		422: bridge.ClassRejected,
		500: bridge.ClassInterrupted,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			var logged strings.Builder
			logger := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c := newPipeClient(t, Config{BackoffMin: time.Hour, BackoffMax: time.Hour, Logger: logger},
				func(w http.ResponseWriter, _ *http.Request) {
					stop()
					time.Sleep(5 * time.Second)
					w.WriteHeader(status)
				})
			start := time.Now()
			a := c.Deliver(ctx, newEvent(t, hook), goOn)
			if a.Class != want || a.Status != status || a.Attempts != 1 {
				t.Errorf("answer %+v, want %v with status %d after one request", a, want, status)
			}
			if took := time.Since(start); took != 5*time.Second {
				t.Errorf("took %v, want the request's 5s", took)
			}
			if logged.Len() > 0 {
				t.Errorf("said that it goes on: %s", logged.String())
			}
		})
	}
}

// TestStopOnLastRequest: with no requests left a failure is a failure.
func TestStopOnLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := newPipeClient(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			stop()
			w.WriteHeader(http.StatusInternalServerError)
		})
		r := newEvent(t, hook)
		r.MaxAttempts = 1
		if a := c.Deliver(ctx, r, goOn); a.Class != bridge.ClassFailed {
			t.Errorf("answer %+v, want failed", a)
		}
	})
}

func TestStopInBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := newPipeClient(t, Config{BackoffMin: time.Hour, BackoffMax: time.Hour}, answering(500))
		time.AfterFunc(20*time.Minute, stop)
		start := time.Now()
		a := c.Deliver(ctx, newEvent(t, hook), goOn)
		if a.Class != bridge.ClassInterrupted || a.Attempts != 1 || a.Status != 500 {
			t.Errorf("answer %+v, want interrupted after one request", a)
		}
		if took := time.Since(start); took != 20*time.Minute {
			t.Errorf("took %v, want to end with the context after 20m", took)
		}
	})
}

func TestStopBeforeFirstRequest(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	c := newClient(t, Config{})
	a := c.Deliver(ctx, newEvent(t, "http://127.0.0.1:1/abcdef"), goOn)
	if a.Class != bridge.ClassInterrupted || a.Attempts != 0 {
		t.Errorf("answer %+v, want interrupted without a request", a)
	}
}

// TestGateIsAsked: before each request but the first, once the backoff is over.
func TestGateIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPipeClient(t, Config{BackoffMin: time.Second, BackoffMax: time.Second}, answering(500))
		start := time.Now()
		var asked []time.Duration
		c.Deliver(t.Context(), newEvent(t, hook), func(context.Context) error {
			asked = append(asked, time.Since(start))
			time.Sleep(10 * time.Second) // the pace
			return nil
		})
		if diff := cmp.Diff([]time.Duration{time.Second, 12 * time.Second}, asked); diff != "" {
			t.Errorf("gate asked at (-want +got):\n%s", diff)
		}
	})
}

// TestGateEndsDelivery: a hold, or a stop while the gate waits, and no further
// request is sent.
func TestGateEndsDelivery(t *testing.T) {
	held := errors.New("destination is held")
	for name, gate := range map[string]func(stop func()) error{
		"held":                     func(func()) error { return held },
		"stopped, and the gate so": func(stop func()) error { stop(); return context.Canceled },
		"stopped, but let through": func(stop func()) error { stop(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				requests := 0
				c := newPipeClient(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
					requests++
					w.WriteHeader(http.StatusBadGateway)
				})
				a := c.Deliver(ctx, newEvent(t, hook), func(context.Context) error { return gate(stop) })
				want := bridge.Answer{Class: bridge.ClassInterrupted, Status: 502, Detail: "HTTP 502 Bad Gateway", Attempts: 1}
				if diff := cmp.Diff(want, a); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if requests != 1 {
					t.Errorf("%d requests, want 1", requests)
				}
			})
		})
	}
}

// TestObserve: every request is reported, with its own code and duration.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Attempt
		var n atomic.Int64
		c := newPipeClient(t, Config{Observe: func(a Attempt) { seen = append(seen, a) }},
			func(w http.ResponseWriter, r *http.Request) {
				switch n.Add(1) {
				case 1:
					time.Sleep(3 * time.Second)
					w.WriteHeader(http.StatusBadGateway)
				case 2:
					hang(r)
				case 3:
					panic(http.ErrAbortHandler)
				}
			})
		r := newEvent(t, hook)
		r.Attempt, r.MaxAttempts = 4, 4
		c.Deliver(t.Context(), r, goOn)
		type line struct {
			Number, Attempts int
			Code             string
			Class            bridge.Class
			Duration         time.Duration
		}
		var got []line
		for _, a := range seen {
			got = append(got, line{a.Number, a.Answer.Attempts, a.Code, a.Answer.Class, a.Duration})
			if a.Request.EventID != "evt-1" {
				t.Errorf("attempt of event %q", a.Request.EventID)
			}
		}
		want := []line{
			{4, 1, "502", bridge.ClassFailed, 3 * time.Second},
			{5, 2, "timeout", bridge.ClassFailed, 20 * time.Second},
			{6, 3, "error", bridge.ClassFailed, 0},
			{7, 4, "200", bridge.ClassDelivered, 0},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}
