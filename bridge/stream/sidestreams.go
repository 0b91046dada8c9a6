package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// sideEvery is how often the streams of dead letters and of receipts are
	// looked at, which no route waits for once it is bound.
	sideEvery = time.Minute
	// sideTimeout bounds one look at one of them.
	sideTimeout = 2 * time.Second

	lettersTrouble  = "dead letters cannot be stored; their events stay in the stream"
	receiptsTrouble = "receipts cannot be kept; no delivery waits for that"
)

// keepSideStreams sees to those streams until ctx is done, from time to time and
// whenever the connection is back: one that was deleted is created again. At the
// start the routes do that for the letters.
func (s *Supervisor) keepSideStreams(ctx context.Context) {
	connected := s.js.Conn().StatusChanged(nats.CONNECTED)
	defer s.js.Conn().RemoveStatusListener(connected)
	tick := time.NewTicker(sideEvery)
	defer tick.Stop()
	letters, receipts := "", s.seeTo(ctx, s.provisioner.Receipts, receiptsTrouble, "")
	for {
		select {
		case <-ctx.Done():
			return
		case <-connected:
		case <-tick.C:
		}
		letters = s.seeTo(ctx, s.provisioner.letters, lettersTrouble, letters)
		receipts = s.seeTo(ctx, s.provisioner.Receipts, receiptsTrouble, receipts)
	}
}

// seeTo brings a stream to what is needed. It tells each trouble once, and returns
// the last that was told.
func (s *Supervisor) seeTo(ctx context.Context, provide func(context.Context) error, text, told string) string {
	if !s.js.Conn().IsConnected() {
		return told
	}
	limited, cancel := context.WithTimeout(ctx, sideTimeout)
	defer cancel()
	err := provide(limited)
	switch {
	case ctx.Err() != nil || errors.Is(err, nats.ErrConnectionClosed):
		return told
	case err == nil:
		return ""
	case err.Error() != told:
		s.log.Warn(text, "error", err) //nolint:sloglint // one of the constants above
	}
	return err.Error()
}
