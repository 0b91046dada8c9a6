package main

import (
	"fmt"
	"strconv"
	"time"
)

// lines is the report as people read it, for a terminal so wide; width 0 is
// text for a pipe, where nothing is shortened or broken.
func (r *statusReport) lines(out *output, width int) []string {
	lines := r.routeLines(out, width)
	if len(r.Replicas) > 0 {
		lines = append(lines, "")
		lines = append(lines, r.replicaLines(out, width)...)
	} else {
		lines = append(lines, "", out.paint(yellow, "no replica is alive"))
	}
	if len(r.Holds)+len(r.Errors) > 0 {
		lines = append(lines, "")
	}
	for _, h := range r.Holds {
		text := r.holdText(&h)
		if len(r.Replicas) > 0 {
			text = holdAge(&h, r.At) + ", and no replica has a route there: " + h.detail
		}
		lines = append(lines, out.remark("", red, h.Destination+" is "+text)...)
	}
	for _, e := range r.Errors {
		lines = append(lines, out.remark("", yellow, e)...)
	}
	return lines
}

func (r *statusReport) routeLines(out *output, width int) []string {
	if len(r.Routes) == 0 {
		return []string{"no route has a consumer yet"}
	}
	g := &grid{columns: []gridColumn{
		{title: "ROUTE", least: 16}, {title: "DESTINATION", least: 12, spare: true},
		{title: "PENDING", right: true}, {title: "HAND", right: true}, {title: "PARKED", right: true},
		{title: "OLDEST", right: true}, {title: "OK/MIN", right: true}, {title: "FAIL/MIN", right: true},
	}}
	number := exact
	if width > 0 {
		number = rounded
	}
	for _, route := range r.Routes {
		g.add(route.cells(number)...)
	}
	told := map[string]string{} // the route that tells of a destination's hold
	aligned := g.lines(width, out.paint)
	lines := aligned[:1:1]
	for i, route := range r.Routes {
		lines = append(lines, aligned[i+1])
		lines = append(lines, r.remarks(out, route, told)...)
	}
	return lines
}

// cells are a route's row.
func (s *statusRoute) cells(number func(uint64) string) []gridCell {
	name, parked, failed := gridCell{text: s.Name}, gridCell{text: known(s.Parked, number)}, gridCell{text: known(s.Failed, number)}
	switch {
	case s.Hold != nil || s.Error != "":
		name.colour = red
	case s.Full || s.HandFull || s.PausedSeconds > 0:
		name.colour = yellow
	}
	if s.Parked != nil && *s.Parked > 0 {
		parked.colour = yellow
	}
	if s.Failed != nil && *s.Failed > 0 {
		failed.colour = yellow
	}
	return []gridCell{
		name, {text: orDash(s.Destination)}, {text: known(s.Pending, number)}, {text: known(s.InHand, number)}, parked,
		{text: s.oldestAge()}, {text: known(s.Delivered, number)}, failed,
	}
}

func (s *statusRoute) oldestAge() string {
	if s.Oldest == nil {
		return "-"
	}
	return ageOf(s.Oldest.AgeSeconds)
}

func ageOf(seconds float64) string { return age(time.Duration(seconds * float64(time.Second))) }

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// remarks say below a route what is wrong with it.
func (r *statusReport) remarks(out *output, s statusRoute, told map[string]string) []string {
	var lines []string
	say := func(colour int, text string) { lines = append(lines, out.remark("  ", colour, text)...) }
	if s.Hold != nil {
		if first := told[s.Destination]; first != "" {
			say(red, "held for "+age(r.At.Sub(s.Hold.Since))+", with "+first+" at the same webhook: "+s.Hold.detail)
		} else {
			told[s.Destination] = s.Name
			say(red, r.holdText(s.Hold))
		}
	}
	if s.Full {
		say(yellow, "full: the server hands out no more before some of these are settled")
	}
	if s.HandFull {
		say(yellow, "as much in hand as an ordered route may have: other keys wait in the stream")
	}
	if s.PausedSeconds > 0 {
		say(yellow, "paused by somebody for "+ageOf(s.PausedSeconds)+" more: nats consumer resume")
	}
	for _, other := range s.Others {
		say(yellow, "some replicas still deliver to "+other)
	}
	if s.Owner != "" {
		say(dim, "its order is kept by "+r.replicaName(s.Owner))
	}
	if s.Error != "" {
		say(red, s.Error)
	}
	return lines
}

func (r *statusReport) holdText(h *statusHold) string {
	return holdProgress(h, r.At) + ": " + h.Meaning
}

func (r *statusReport) replicaName(id string) string {
	for _, replica := range r.Replicas {
		if replica.ID == id {
			return replica.Host + " (" + id + ")"
		}
	}
	return id + ", which is not alive"
}

func (r *statusReport) replicaLines(out *output, width int) []string {
	g := &grid{columns: []gridColumn{
		{title: "REPLICA"}, {title: "HOST", least: 16}, {title: "VERSION", least: 16, spare: true}, {title: "UP", right: true}, {title: "HAND", right: true},
	}}
	for _, replica := range r.Replicas {
		g.add(gridCell{text: replica.ID}, gridCell{text: replica.Host}, gridCell{text: replica.Version},
			gridCell{text: ageOf(replica.UptimeSeconds)}, gridCell{text: known(replica.InHand, exact)})
	}
	return g.lines(width, out.paint)
}

// known is a number, or a dash where it is not known.
func known(n *uint64, number func(uint64) string) string {
	if n == nil {
		return "-"
	}
	return number(*n)
}

func exact(n uint64) string { return strconv.FormatUint(n, 10) }

// rounded is a number in at most six characters.
func rounded(n uint64) string {
	switch {
	case n < 100_000:
		return exact(n)
	case n < 10_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%dM", n/1_000_000)
}
