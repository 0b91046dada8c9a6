package stream

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// pulse tells the server that events are still in hand, and hears from the
// consumer's leader which of that it has taken. What is only sent proves
// nothing: a connection that is cut off swallows it without an error for a
// while, and without a leader nobody takes it.
type pulse struct {
	nc    *nats.Conn
	hand  *hand
	inbox string
	born  time.Time // the times in replies count from here, by the monotonic clock
}

// newPulse returns a pulse of the events in hand, which hears nothing yet.
func newPulse(nc *nats.Conn, h *hand) *pulse {
	return &pulse{nc, h, nc.NewInbox(), time.Now()}
}

// listen hears the server until stop is called. Its error means that the
// connection is closed.
func (p *pulse) listen() (stop func() error, err error) {
	sub, err := p.nc.Subscribe(p.inbox+".*", p.hear)
	if err != nil {
		return nil, fmt.Errorf("subscribe to confirmations of events in hand: %w", err)
	}
	return sub.Unsubscribe, nil
}

// send tells the server of an event, by its latest delivery.
func (p *pulse) send(delivery *nats.Msg, id identity, now time.Time) error {
	return p.nc.PublishMsg(&nats.Msg{
		Subject: delivery.Reply, Data: []byte("+WPI"),
		Reply: fmt.Sprintf("%s.%d-%d-%d", p.inbox, id.sequence, id.published, now.Sub(p.born)),
	})
}

// hear takes a confirmation. That nobody has heard is none.
func (p *pulse) hear(m *nats.Msg) {
	var id identity
	var sent time.Duration
	of := strings.TrimPrefix(m.Subject, p.inbox+".")
	if n, _ := fmt.Sscanf(of, "%d-%d-%d", &id.sequence, &id.published, &sent); n < 3 || m.Header.Get("Status") != "" {
		return
	}
	if it := p.hand.find(id); it != nil {
		it.kept(p.born.Add(sent), time.Now())
	}
}
