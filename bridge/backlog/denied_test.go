package backlog

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestMissingPermissionsCostOnlyTheirPart: what may be asked is told, and what
// may not is named.
func TestMissingPermissionsCostOnlyTheirPart(t *testing.T) {
	b := newBed(t)
	b.consumer("payments")
	tickets := b.consumer("tickets")
	b.publish("payments.1", "tickets.2")
	b.pull(tickets, 1)
	b.park("tickets", 2, time.Now().Add(time.Hour))
	b.beat("a", `{"routes":["payments"]}`)
	for _, tt := range []struct {
		user   string
		routes []string
		check  func(t *testing.T, s State)
	}{
		{"no_list", nil, func(t *testing.T, s State) {
			denied(t, s.ListErr, "$JS.API.CONSUMER.LIST.EVENTS")
			if len(s.Routes) != 1 || s.Routes[0].Name != "payments" || s.Routes[0].Oldest == nil {
				t.Errorf("routes %+v, want the one with a replica", s.Routes)
			}
		}},
		{"no_list", []string{"tickets", "missing"}, func(t *testing.T, s State) {
			if s.ListErr != nil || len(s.Routes) != 2 || s.Routes[1].Delayed != 1 {
				t.Errorf("state %+v", s)
			}
			if err := s.Routes[0].Err; err == nil || !strings.Contains(err.Error(), "consumer missing") {
				t.Errorf("error %v", err)
			}
		}},
		{"no_bucket", nil, func(t *testing.T, s State) {
			denied(t, s.SharedErr, "$JS.API.CONSUMER.CREATE.KV_makebridge.>")
			if len(s.Routes) != 2 || s.Routes[1].Pending != 1 || s.Routes[1].Oldest == nil {
				t.Errorf("routes %+v", s.Routes)
			}
		}},
		{"no_get", nil, func(t *testing.T, s State) {
			if s.SharedErr != nil || len(s.Routes) != 2 || s.Routes[0].NumPending != 1 || s.Routes[1].Delayed != 1 {
				t.Errorf("state %+v", s)
			}
			denied(t, s.Routes[0].Err, "$JS.API.DIRECT.GET.EVENTS")
			denied(t, s.Routes[1].Err, "$JS.API.DIRECT.GET.EVENTS")
		}},
	} {
		t.Run(tt.user, func(t *testing.T) {
			t.Parallel()
			c := b.config()
			c.Routes = tt.routes
			s, err := Read(t.Context(), b.as(tt.user), c)
			if err != nil {
				t.Fatal(err)
			}
			tt.check(t, s)
		})
	}
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		_, err := Read(t.Context(), b.as("nothing"), b.config())
		denied(t, err, "$JS.API.STREAM.INFO.EVENTS")
		_, err = Held(t.Context(), b.as("nothing"), "makebridge", []string{"abc"})
		denied(t, err, "$JS.API.STREAM.INFO.KV_makebridge")
	})
}

func denied(t *testing.T, err error, subject string) {
	t.Helper()
	var silence *NoAnswerError
	if !errors.As(err, &silence) || silence.Subject != subject {
		t.Errorf("error %v, want that nobody answers at %s", err, subject)
	}
}
