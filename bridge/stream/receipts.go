package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// receiptsEvery is how often the stream of receipts is looked at. It is
	// nobody's ground: no route waits for it.
	receiptsEvery = time.Minute
	// receiptsTimeout bounds one look.
	receiptsTimeout = 2 * time.Second
)

// wantReceipts is the stream of receipts as the bridge creates it. It has no
// duplicate window to speak of, since receipts carry no ids. With a single replica
// it writes to the disk many at a time, also where the server syncs every write:
// the last receipts may go with a server that is killed, and the others cost it
// little. Servers before 2.12 do not know that.
func wantReceipts(s Settings) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:        s.Receipts,
		Description: "what became of each event, by makebridge",
		Subjects:    []string{receiptPrefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    s.Replicas,
		MaxAge:      s.ReceiptsMaxAge,
		Duplicates:  window(receiptsDuplicateWindow, s.ReceiptsMaxAge),
		AllowDirect: true,
	}
	if c.Replicas == 1 {
		c.PersistMode = jetstream.AsyncPersistMode
	}
	return c
}

// streams are those that the settings ask for, in the order in which they are
// told of.
func (s Settings) streams() []jetstream.StreamConfig {
	list := []jetstream.StreamConfig{wantEvents(s), wantLetters(s)}
	if s.Receipts != "" {
		list = append(list, wantReceipts(s))
	}
	return list
}

// Receipts brings the stream of receipts to what is needed, or says what is in
// the way. Events are delivered without it, so Streams leaves it alone. Where
// the settings name none, there is nothing to do.
func (p *Provisioner) Receipts(ctx context.Context) error {
	if p.settings.Receipts == "" {
		return nil
	}
	return p.stream(ctx, wantReceipts(p.settings))
}

// keepReceipts sees to the stream of receipts until ctx is done, from time to
// time and whenever the connection is back. Each trouble is told once.
func (s *Supervisor) keepReceipts(ctx context.Context) {
	if s.settings.Receipts == "" {
		return
	}
	connected := s.js.Conn().StatusChanged(nats.CONNECTED)
	defer s.js.Conn().RemoveStatusListener(connected)
	tick := time.NewTicker(receiptsEvery)
	defer tick.Stop()
	told := ""
	for {
		told = s.seeToReceipts(ctx, told)
		select {
		case <-ctx.Done():
			return
		case <-connected:
		case <-tick.C:
		}
	}
}

// seeToReceipts returns the last trouble that was told.
func (s *Supervisor) seeToReceipts(ctx context.Context, told string) string {
	if !s.js.Conn().IsConnected() {
		return told
	}
	limited, cancel := context.WithTimeout(ctx, receiptsTimeout)
	defer cancel()
	err := s.provisioner.Receipts(limited)
	switch {
	case ctx.Err() != nil || errors.Is(err, nats.ErrConnectionClosed):
		return told
	case err == nil:
		return ""
	case err.Error() != told:
		s.log.Warn("receipts cannot be kept; events are delivered all the same", "error", err)
	}
	return err.Error()
}
