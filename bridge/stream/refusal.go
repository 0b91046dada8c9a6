package stream

import (
	"strings"
	"time"
)

// refusalLife is the time between two refusals that are said, where other requests
// succeed meanwhile or are refused for something else.
const refusalLife = time.Minute

// refused is told that the server has turned a request down, and says so once until one
// succeeds: it is asked again and again, and may go on like that for ever. That a leader
// changes or a server is shut down is part of a cluster's life (nats-server 2.15.2).
func (p *puller) refused(status, description string, now time.Time) {
	switch strings.ToLower(description) {
	case "leadership change", "server shutdown":
		return
	}
	if text := status + " " + description; p.refusal == "" || text != p.refusal && now.Sub(p.told) > refusalLife {
		p.refusal, p.told = text, now
		p.log.Warn("pull request refused, asking on", "error", text)
	}
}

// served is told that a request was not turned down.
func (p *puller) served(now time.Time) {
	if p.refusal != "" && now.Sub(p.told) > refusalLife {
		p.refusal = ""
	}
}
