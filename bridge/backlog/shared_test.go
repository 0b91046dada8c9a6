package backlog

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/gate"
)

// TestWhatAReplicaWritesIsRead: records and holds are those that package gate
// writes, by a gate that has learned of a webhook that is gone.
func TestWhatAReplicaWritesIsRead(t *testing.T) {
	b := newBed(t)
	payments := b.consumer("payments")
	b.consumer("tickets")
	b.publish("payments.1", "payments.2", "payments.3", "tickets.4")
	b.pull(payments, 2)
	u, err := bridge.ParseWebhookURL("https://hook.eu2.make.com/canary", false)
	b.must(nil, err)
	d := &bridge.Destination{URL: u}
	started := time.Now().UTC().Truncate(time.Second)
	g := gate.NewShared(b.js, gate.BucketConfig{Name: "makebridge", Replicas: 1},
		gate.Replica{Version: "1.2.3", Host: "there", Started: started, Routes: []string{"payments"}},
		gate.Config{
			Replica: "a", HoldAfter: 5, HoldMin: time.Hour, HoldMax: time.Hour, ProbeLife: time.Second, EvidenceEvery: time.Second,
			Destinations: func() map[string]*bridge.Destination { return map[string]*bridge.Destination{"payments": d} },
			Logger:       slog.New(slog.DiscardHandler),
		})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	<-g.Ready()
	pass, err := g.Enter(t.Context(), d, bridge.Message{Sequence: 1})
	b.must(nil, err)
	g.Leave(t.Context(), d, bridge.Message{Sequence: 1}, pass, bridge.Answer{Class: bridge.ClassMisconfigured, Status: 410, Detail: "HTTP 410 Gone"})

	b.pending("payments", 1)
	b.pending("tickets", 1)
	s := b.read()
	name := Destination{u.ID(), u.String()}
	hold := Hold{Destination: name, Reason: "misconfigured", Status: 410, Detail: "HTTP 410 Gone"}
	want := State{
		Routes: []Route{
			{
				Name: "payments", Destination: name, Hold: &hold, Known: true, NumPending: 1, AckPending: 2, MaxAckPending: 1000, Parked: 3,
				Oldest: &Event{Sequence: 1},
			},
			{Name: "tickets", Known: true, NumPending: 1, MaxAckPending: 1000, Pending: 1, Oldest: &Event{Sequence: 4}},
		},
		Holds: []Hold{hold},
		Replicas: []Replica{{
			ID: "a", Version: "1.2.3", Host: "there", Started: started, Routes: []string{"payments"},
			Destinations: map[string]Destination{"payments": name},
		}},
	}
	changes := cmpopts.IgnoreTypes(time.Time{})
	if diff := cmp.Diff(want, s, changes, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if h := s.Holds[0]; h.Since.IsZero() || h.Until.Sub(h.Since) < 40*time.Minute {
		t.Errorf("held from %s until %s", h.Since, h.Until)
	}
	if r := s.Replicas[0]; !r.Started.Equal(started) || r.Seen.Before(started) {
		t.Errorf("started %s, seen %s", r.Started, r.Seen)
	}
	held, err := Held(t.Context(), b.js, "makebridge", []string{"another", u.ID()})
	b.must(nil, err)
	if diff := cmp.Diff(map[string]Hold{u.ID(): hold}, held, changes); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	held, err = HeldRoutes(t.Context(), b.js, b.config())
	b.must(nil, err)
	if diff := cmp.Diff(map[string]Hold{"payments": hold}, held, changes); diff != "" {
		t.Errorf("held routes (-want +got):\n%s", diff)
	}
}

// TestHeldRoutesAreThoseOfTheLastReplicas where none is alive.
func TestHeldRoutesAreThoseOfTheLastReplicas(t *testing.T) {
	now := time.Now()
	a, b := Destination{"1", "a#1"}, Destination{"2", "b#2"}
	at := func(d Destination, seen time.Duration) Replica {
		return Replica{Seen: now.Add(-seen), Destinations: map[string]Destination{"payments": d}}
	}
	for name, tt := range map[string]struct {
		replicas []Replica
		want     bool
	}{
		"alive":                              {[]Replica{at(a, 0)}, true},
		"not alive any more":                 {[]Replica{at(a, time.Hour)}, true},
		"those alive go elsewhere":           {[]Replica{at(a, time.Hour), at(a, time.Hour), at(b, 0)}, false},
		"those that are gone went elsewhere": {[]Replica{at(b, time.Hour), at(b, time.Hour), at(a, 0)}, true},
		"nobody has been there":              {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := shared{holds: map[string]Hold{"1": {Destination: a}}, replicas: tt.replicas}
			if held := s.heldRoutes(now, time.Minute); (len(held) == 1) != tt.want {
				t.Errorf("%+v", held)
			}
		})
	}
}

func TestReplicasThatDiedAreGone(t *testing.T) {
	b := newBed(t)
	b.consumer("payments")
	b.beat("late", `{"version":"2","started":"2026-01-02T03:04:06Z","routes":["payments","gone"]}`) // no destinations: an older version
	b.beat("early", `{"version":"1","started":"2026-01-02T03:04:05Z"}`)
	b.beat("odd", `no JSON`)
	b.must(b.kv.PutString(t.Context(), "owner.payments", `{"replica":"late","since":"2026-01-02T03:04:06Z"}`))
	s := b.read()
	if len(s.Replicas) != 2 || s.Replicas[0].ID != "early" || s.Replicas[1].ID != "late" {
		t.Fatalf("replicas %+v", s.Replicas)
	}
	if len(s.Routes) != 2 || s.Routes[0].Name != "gone" || s.Routes[0].Err == nil || s.Routes[0].Known {
		t.Errorf("routes %+v, want one whose consumer is missing", s.Routes)
	}
	if s.Routes[1].Owner != "late" || s.Routes[1].Destination != (Destination{}) {
		t.Errorf("route %+v", s.Routes[1])
	}
	b.must(b.kv.PutString(t.Context(), "owner.payments", `{"replica":"late","released":true}`))
	if owner := b.read().Routes[1].Owner; owner != "" {
		t.Errorf("%s still owns a route that it has released", owner)
	}
	b.must(b.kv.PutString(t.Context(), "owner.payments", `{"replica":"dead"}`))
	if owner := b.read().Routes[1].Owner; owner != "" {
		t.Errorf("%s owns a route and is not alive", owner)
	}
	c := b.config()
	c.ReplicaLife = 0
	s, err := Read(t.Context(), b.js, c)
	b.must(nil, err)
	if len(s.Replicas) > 0 || len(s.Routes) != 1 {
		t.Errorf("the dead are still there: %+v", s)
	}
}

func TestMostReplicasDecideWhereEventsGo(t *testing.T) {
	a, b, c := Destination{"1", "a#1"}, Destination{"2", "b#2"}, Destination{"3", "c#3"}
	now := time.Now()
	at := func(d Destination, started int) Replica {
		return Replica{Started: now.Add(time.Duration(started) * time.Hour), Destinations: map[string]Destination{"payments": d}}
	}
	for name, tt := range map[string]struct {
		replicas []Replica
		want     []Destination
	}{
		"nobody says":          {[]Replica{{}, {Destinations: map[string]Destination{"other": a}}}, nil},
		"all say the same":     {[]Replica{at(a, 1), at(a, 2)}, []Destination{a}},
		"most say so":          {[]Replica{at(a, 1), at(a, 2), at(b, 3)}, []Destination{a, b}},
		"the newer one":        {[]Replica{at(a, 1), at(b, 2)}, []Destination{b, a}},
		"none newer, by name":  {[]Replica{at(c, 1), at(b, 1), at(a, 1)}, []Destination{a, b, c}},
		"newest of those that": {[]Replica{at(a, 1), at(a, 9), at(b, 5), at(b, 6), at(c, 99)}, []Destination{a, b, c}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, destinationsOf("payments", tt.replicas), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
