package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/fleet"
)

// statusJSONText tells in the help what -o json writes: a statusReport.
const statusJSONText = `With -o json it prints one object; with --watch one a line, every interval:

  at           the time of all this, by the clock of the NATS server
  routes       name, destination, pending, in_hand, parked,
               waiting_for_redelivery, oldest {sequence, published_at,
               age_seconds, expires_at}, delivered_last_minute,
               failed_last_minute, hold {destination, reason, status, meaning,
               since, until, failed_probes}, full (the server hands out no
               more before some are settled), hand_full (the replica that keeps
               the order takes no more); and, where there is something to say,
               other_destinations, owner, ordering, paused_seconds, error
  other_holds  holds of destinations that no replica alive serves
  replicas     id, host, version, started, uptime_seconds, in_hand
  errors       what could not be found out, and why

What is not known, or does not exist, is null or empty.`

// statusReport is what status says, as -o json writes it. Of a route the
// numbers are null where they are not known.
type statusReport struct {
	At     time.Time     `json:"at"`
	Routes []statusRoute `json:"routes"`
	// Holds are those of destinations that no replica alive serves. They end with the
	// next event of one that does, or where somebody removes them.
	Holds    []statusHold    `json:"other_holds"`
	Replicas []statusReplica `json:"replicas"`
	// Errors say what could not be found out, and why.
	Errors []string `json:"errors"`
}

// statusRoute is one route.
type statusRoute struct {
	Name string `json:"name"`
	// Destination is a fingerprint, empty where no replica serves the route.
	// Others are what a minority of the replicas say.
	Destination string   `json:"destination"`
	Others      []string `json:"other_destinations,omitempty"`

	Pending    *uint64      `json:"pending"`
	InHand     *uint64      `json:"in_hand"`
	Parked     *uint64      `json:"parked"`
	Redelivery *uint64      `json:"waiting_for_redelivery"`
	Oldest     *statusEvent `json:"oldest"`
	Delivered  *uint64      `json:"delivered_last_minute"`
	Failed     *uint64      `json:"failed_last_minute"`

	Hold *statusHold `json:"hold"`
	// Full says that the server hands out no more before some are settled, HandFull
	// that the replica which keeps the order of the route takes no more.
	Full     bool `json:"full"`
	HandFull bool `json:"hand_full"`
	// Owner is the replica that keeps the order of the route, Ordering how.
	Owner         string  `json:"owner,omitempty"`
	Ordering      string  `json:"ordering,omitempty"`
	PausedSeconds float64 `json:"paused_seconds,omitempty"`
	Error         string  `json:"error,omitempty"`
}

// statusEvent is the oldest event that is not settled.
type statusEvent struct {
	Sequence    uint64     `json:"sequence"`
	PublishedAt time.Time  `json:"published_at"`
	AgeSeconds  float64    `json:"age_seconds"`
	ExpiresAt   *time.Time `json:"expires_at"`
}

// statusHold is why a destination is held.
type statusHold struct {
	Destination string `json:"destination"`
	Reason      string `json:"reason"`
	Status      int    `json:"status,omitempty"`
	// Meaning says in words what happened, and what there is to do.
	Meaning string    `json:"meaning"`
	Since   time.Time `json:"since"`
	// Until is when it may be probed; Probes have failed so far.
	Until  time.Time `json:"until"`
	Probes int       `json:"failed_probes"`
	// detail is what happened without what there is to do.
	detail string
}

// statusReplica is a replica that is alive.
type statusReplica struct {
	ID            string    `json:"id"`
	Host          string    `json:"host"`
	Version       string    `json:"version"`
	Started       time.Time `json:"started"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	// InHand is how many events it has taken and not settled.
	InHand *uint64 `json:"in_hand"`
}

func emptyStatusReport(at time.Time) *statusReport {
	return &statusReport{At: at, Routes: []statusRoute{}, Holds: []statusHold{}, Replicas: []statusReplica{}, Errors: []string{}}
}

// newStatusReport puts together what NATS and what the replicas say.
func newStatusReport(s backlog.State, replicas []fleet.Replica, fleetErr error) *statusReport {
	r := emptyStatusReport(s.At)
	r.note("there may be more routes", s.ListErr)
	if errors.As(s.SharedErr, new(*backlog.NoBucketError)) {
		r.Errors = append(r.Errors, s.SharedErr.Error()+" Holds and replicas are not known")
	} else {
		r.note("holds, replicas and redeliveries are not all known", s.SharedErr)
	}
	r.note("delivered and failed a minute are not known", fleetErr)
	rates := ratesOf(replicas)
	for i := range s.Routes {
		r.Routes = append(r.Routes, newStatusRoute(&s.Routes[i], s.At, rates[s.Routes[i].Name]))
	}
	for _, h := range s.Holds {
		if !slices.ContainsFunc(s.Routes, func(route backlog.Route) bool { return route.Destination == h.Destination }) {
			r.Holds = append(r.Holds, *newStatusHold(&h))
		}
	}
	for _, replica := range s.Replicas {
		r.Replicas = append(r.Replicas, newStatusReplica(replica, s.At))
	}
	for _, answer := range replicas {
		r.addAnswer(answer)
	}
	return r
}

func (r *statusReport) note(what string, err error) {
	if err != nil {
		r.Errors = append(r.Errors, fmt.Sprintf("%s: %v", what, err))
	}
}

func newStatusRoute(b *backlog.Route, now time.Time, rate *routeRate) statusRoute {
	r := statusRoute{
		Name: b.Name, Destination: b.Destination.Name, Owner: b.Owner, PausedSeconds: seconds(b.PausedFor),
		Full: b.Full(), Hold: newStatusHold(b.Hold),
	}
	if b.Known {
		hand := b.InHand()
		r.Pending, r.InHand, r.Parked, r.Redelivery = &b.Pending, &hand, &b.Parked, &b.Delayed
	}
	for _, d := range b.Others {
		r.Others = append(r.Others, d.Name)
	}
	if o := b.Oldest; o != nil {
		r.Oldest = &statusEvent{Sequence: o.Sequence, PublishedAt: o.Published, AgeSeconds: seconds(now.Sub(o.Published))}
		if !o.Expires.IsZero() {
			r.Oldest.ExpiresAt = &o.Expires
		}
	}
	if rate != nil {
		r.Delivered, r.Failed = &rate.delivered, &rate.failed
		r.Ordering, r.HandFull = rate.ordering, rate.full
	}
	if b.Err != nil {
		r.Error = b.Err.Error()
	}
	return r
}

func newStatusHold(h *backlog.Hold) *statusHold {
	if h == nil {
		return nil
	}
	return &statusHold{
		Destination: h.Destination.Name, Reason: h.Reason, Status: h.Status, Meaning: holdMeaning(*h),
		Since: h.Since, Until: h.Until, Probes: h.Probes, detail: h.Detail,
	}
}

func newStatusReplica(b backlog.Replica, now time.Time) statusReplica {
	return statusReplica{ID: b.ID, Host: b.Host, Version: b.Version, Started: b.Started, UptimeSeconds: seconds(now.Sub(b.Started))}
}

// addAnswer adds what a replica says of itself. One whose record could not be
// read, or is not there yet, is alive since it answers.
func (r *statusReport) addAnswer(a fleet.Replica) {
	i := slices.IndexFunc(r.Replicas, func(known statusReplica) bool { return known.ID == a.ID })
	if i < 0 {
		i = len(r.Replicas)
		r.Replicas = append(r.Replicas, newStatusReplica(backlog.Replica{ID: a.ID, Host: a.Host, Version: a.Version, Started: a.Started}, r.At))
	}
	n := uint64(0)
	for _, route := range a.Routes {
		n += uint64(max(0, route.InHand))
	}
	r.Replicas[i].InHand = &n
}

// seconds is a duration as JSON has it, to the millisecond and never negative:
// clocks differ.
func seconds(d time.Duration) float64 { return max(0, d.Round(time.Millisecond)).Seconds() }

// routeRate is how much went through a route in the last minute, and how.
type routeRate struct {
	delivered, failed uint64
	ordering          string
	full              bool // for the replica that keeps the order
}

// ratesOf adds up what the replicas say of each route.
func ratesOf(replicas []fleet.Replica) map[string]*routeRate {
	rates := map[string]*routeRate{}
	for _, replica := range replicas {
		for _, r := range replica.Routes {
			if rates[r.Name] == nil {
				rates[r.Name] = &routeRate{}
			}
			rates[r.Name].delivered += r.DeliveredLastMinute
			rates[r.Name].failed += r.FailedLastMinute
			rates[r.Name].ordering = r.Ordering
			rates[r.Name].full = rates[r.Name].full || r.Full
		}
	}
	return rates
}
