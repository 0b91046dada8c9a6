package stream

import "time"

const (
	// paceWindow is over how long a pace is measured.
	paceWindow = 200 * time.Millisecond
	// aheadTime is how much work is pulled ahead: enough to hide the way to a
	// distant server and back, and far below a second, so that other replicas
	// get the rest.
	aheadTime = 100 * time.Millisecond
	// mostAhead bounds it, and with it the memory it takes.
	mostAhead = 128
)

// pace measures how many events start in a second.
type pace struct {
	since   time.Time
	started int
	rate    float64 // events a second
}

// count notes that an event started.
func (p *pace) count() { p.started++ }

// ahead is how many events to have in hand beyond those that can start now:
// none for a slow webhook.
func (p *pace) ahead(now time.Time) int {
	if elapsed := now.Sub(p.since); elapsed >= paceWindow {
		p.rate = float64(p.started) / elapsed.Seconds()
		p.since, p.started = now, 0
	}
	return min(int(p.rate*aheadTime.Seconds()), mostAhead)
}
