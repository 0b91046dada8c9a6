package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// pullExpiry is how long the server keeps a pull request open, and
	// pullHeartbeat how often it says that it still does.
	pullExpiry    = 60 * time.Second
	pullHeartbeat = 3 * time.Second
	// pullSilence without a message or a heartbeat means that the request is
	// lost: the server or the consumer's leader has gone. A cluster takes about
	// as long to elect another leader.
	pullSilence = 2*pullHeartbeat + time.Second
	// pullPause keeps requests that the server turns down from spinning.
	pullPause = 500 * time.Millisecond
)

// errConsumerGone is why pulling ends by itself: there is nothing to pull from.
var errConsumerGone = errors.New("consumer is gone")

// puller asks the server for events and keeps count of what it may still send.
// It belongs to one goroutine.
type puller struct {
	nc      *nats.Conn
	subject string // where pull requests go
	info    string // where the server says what it knows of the consumer
	inbox   string
	sub     *nats.Subscription
	msgs    chan *nats.Msg
	log     *slog.Logger

	open       int       // events asked for and not sent yet
	asked      []request // those that may be open, as long as any is
	heard      time.Time // when the server last said something
	notUntil   time.Time // no request before this
	leaderless time.Time // since when nobody answers requests; zero: somebody does
	refusal    string    // why the server turned a request down, as was last said
	told       time.Time // when that was
}

// request is one pull request.
type request struct {
	events int
	until  time.Time // the server says nothing more of it after this
}

// newPuller subscribes an inbox; most bounds how many events are asked for.
func newPuller(nc *nats.Conn, apiPrefix, stream, consumer string, most int, log *slog.Logger) (*puller, error) {
	p := &puller{
		nc:      nc,
		subject: apiPrefix + "CONSUMER.MSG.NEXT." + stream + "." + consumer,
		info:    apiPrefix + "CONSUMER.INFO." + stream + "." + consumer,
		// Room for every event that can be under way, and for status messages.
		msgs: make(chan *nats.Msg, 2*most+64),
		log:  log,
	}
	return p, p.subscribe()
}

func (p *puller) subscribe() error {
	p.inbox = p.nc.NewInbox()
	sub, err := p.nc.ChanSubscribe(p.inbox, p.msgs)
	if err != nil {
		return fmt.Errorf("subscribe to pulled events: %w", err)
	}
	p.sub, p.open, p.asked, p.heard, p.leaderless = sub, 0, nil, time.Now(), time.Time{}
	return nil
}

// ask requests n more events.
func (p *puller) ask(n int, now time.Time) error { return p.askFor(n, pullExpiry, now) }

// askFor requests n more events that come before the request expires.
func (p *puller) askFor(n int, expiry time.Duration, now time.Time) error {
	heartbeat := pullHeartbeat
	if expiry < 2*heartbeat { // the server allows no more than that
		heartbeat = 0 // and what it says at the end is sign enough
	}
	return p.request(n, expiry, heartbeat, now)
}

// request asks for n more events that come before the request expires. A
// heartbeat of 0 is none.
func (p *puller) request(n int, expiry, heartbeat time.Duration, now time.Time) error {
	body, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
	}{n, expiry, heartbeat})
	if err != nil {
		return err
	}
	if err := p.nc.PublishRequest(p.subject, p.inbox, body); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	p.opened(n, expiry, now)
	return nil
}

// opened takes note of a request.
func (p *puller) opened(n int, expiry time.Duration, now time.Time) {
	if p.open == 0 {
		p.heard, p.asked = now, p.asked[:0]
	}
	p.open += n
	p.asked = append(p.asked, request{n, now.Add(expiry + pullSilence)})
}

// lapse lets go of requests that the server must have ended by now. One that went to
// a leader as it died is never ended; while later ones are open, that does not show
// as silence, and it would count as open for as long as the route is not idle.
func (p *puller) lapse(now time.Time) {
	most := 0
	p.asked = slices.DeleteFunc(p.asked, func(r request) bool { return r.until.Before(now) })
	for _, r := range p.asked {
		most += r.events
	}
	p.open = min(p.open, most)
}

// receive looks at what arrived and reports whether it is an event. Status
// messages end requests; one of them ends pulling.
func (p *puller) receive(msg *nats.Msg, now time.Time) (event bool, err error) {
	p.heard = now
	if msg.Reply != "" { // only an event has one; it may have a header Status, too
		p.open, p.leaderless = max(0, p.open-1), time.Time{}
		p.served(now)
		return true, nil
	}
	if msg.Subject != p.inbox {
		return false, nil // for requests of an earlier inbox
	}
	status, description := msg.Header.Get("Status"), msg.Header.Get("Description")
	if status == "" {
		return false, p.lookedUp(msg.Data)
	}
	if status == "503" { // no responders
		return false, p.unanswered(now)
	}
	p.leaderless = time.Time{}
	switch status {
	case "100": // heartbeat
		p.served(now)
		return false, nil
	case "404", "408": // no messages, request expired
		p.close(msg)
		p.served(now)
		return false, nil
	case "409":
		p.close(msg)
		if strings.Contains(strings.ToLower(description), "consumer deleted") {
			return false, fmt.Errorf("%w: %s", errConsumerGone, description)
		}
	default:
		p.open = 0
	}
	p.refused(status, description, now)
	p.notUntil = now.Add(pullPause)
	return false, nil
}

// mostAsked is how many events a route asks for with one request, at most.
func mostAsked(r *bridge.Route) int { return r.Concurrency + 1 + mostAhead }

// close ends one request: the server says how much of it was left.
func (p *puller) close(msg *nats.Msg) {
	left, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages"))
	if err != nil {
		left = p.open
	}
	p.open = max(0, p.open-left)
}

// silent reports whether the server has forgotten an open request.
func (p *puller) silent(now time.Time) bool {
	return p.open > 0 && now.Sub(p.heard) > pullSilence
}

// renew gives up all open requests, whatever has become of them, by taking
// another inbox. Events that still arrive at the old one are received.
func (p *puller) renew() error {
	if err := p.sub.Drain(); err != nil && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("drain pulled events: %w", err)
	}
	return p.subscribe()
}

// stop withdraws the open requests and returns a channel that is closed once
// everything that the server had sent is in msgs.
func (p *puller) stop() <-chan struct{} {
	done := make(chan struct{})
	p.sub.SetClosedHandler(func(string) { close(done) })
	if err := p.sub.Drain(); err != nil {
		// Not connected: nothing more will arrive.
		done = make(chan struct{})
		close(done)
	}
	return done
}
