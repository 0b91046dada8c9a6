package stream

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
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
