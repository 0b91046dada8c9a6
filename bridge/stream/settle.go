package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

const (
	// ackTimeout is how long one confirmed acknowledgement may take, and
	// settlePause the time between the first attempts to settle; it doubles up to
	// settlePauseMost.
	ackTimeout      = 5 * time.Second
	settlePause     = 200 * time.Millisecond
	settlePauseMost = time.Second
)

// settler settles messages by their verdict. It is the only place where a
// message is acknowledged: after make.com's 2xx, after it was filtered, or
// after its letter was stored.
type settler struct {
	route    string
	ordered  bool // the route keeps an order: an event that is put off stays in hand
	letters  *letters
	unstored *unstored // of all routes
	parking  *parking
	link     *link // since the supervisor runs
	acks     *acks // since the supervisor runs
	observer Observer
	log      *slog.Logger
}

// errUnsettled is why an event is not settled whose acknowledgement was not confirmed.
var errUnsettled = errors.New("acknowledgement not confirmed")

// settle carries out a verdict. It tries until that succeeded or grace is
// done; what is not settled then will be delivered again. It returns errNoRoom
// where the event is not to wait here for its letter: it is to be put off.
func (s *settler) settle(grace context.Context, it *item, v bridge.Verdict) error {
	switch v.Outcome {
	case bridge.Delivered, bridge.Filtered:
		if !s.acknowledged(it) {
			return errUnsettled
		}
	case bridge.DeadLettered:
		if err := s.storeLetter(grace, it, v); err != nil {
			return err
		}
		if !s.acknowledged(it) {
			return errUnsettled
		}
	case bridge.Retried, bridge.HandedBack:
		s.giveBack(grace, it, v)
	default:
		panic(fmt.Sprintf("stream: no way to settle %q", v.Outcome))
	}
	if it.Delivery > 1 && v.Outcome != bridge.Retried && v.Outcome != bridge.HandedBack {
		s.parking.forget(grace, s.route, it)
	}
	s.observer.Settled(s.route, it.Message, v)
	return nil
}

// giveBack has the event delivered again, at once or after a delay. In an ordered
// route the bridge stops: a delay would hide the event from the successor.
func (s *settler) giveBack(grace context.Context, it *item, v bridge.Verdict) {
	if it.orphaned() {
		s.log.Warn("event is gone with its stream, undelivered", "sequence", it.Sequence, "subject", it.Subject)
		return
	}
	if v.Outcome == bridge.HandedBack || s.ordered {
		s.nak(it, 0)
		return
	}
	s.nak(it, v.Delay)
	s.parking.park(grace, s.route, it, v.Delay)
}

// putOff notes that an event of an ordered route failed. It stays in hand; by
// the note, whose revision is returned, any replica can bring it back early.
func (s *settler) putOff(grace context.Context, it *item, v bridge.Verdict) uint64 {
	noted := s.parking.park(grace, s.route, it, v.Delay)
	s.observer.Settled(s.route, it.Message, v)
	return noted
}

// recall gives an event of an ordered route back, to be delivered to this same
// replica again, and returns when the server has confirmed that: an event that
// is asked for now is this one, not a new one. An event that the server may
// hand to somebody else is left alone, and so is one that has come again meanwhile:
// that delivery is not to be given back; and one whose stream may be no more.
func (s *settler) recall(it *item) error {
	if it.lost(time.Now()) || !it.returns() || it.doubtful() {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.link.context(), ackTimeout)
	defer cancel()
	_, err := s.parking.js.Conn().RequestWithContext(ctx, it.latest().Reply, []byte(nak))
	return err
}

// soon returns settle for events whose verdict is plain, made once for all of
// them. It does not wait: done is called when the event is settled, or is not as
// grace ends.
func (s *settler) soon(done func(it *item, settled bool)) func(it *item) {
	confirmed := func(it *item, yes bool) {
		if yes {
			s.observer.Settled(s.route, it.Message, it.verdict)
		}
		done(it, yes)
	}
	return func(it *item) { s.acknowledge(it, confirmed) }
}

// acknowledge acknowledges until the server has confirmed it, and then calls
// done, which must not block; or with false, if grace ends first.
func (s *settler) acknowledge(it *item, done func(it *item, confirmed bool)) { s.acks.start(it, done) }

// acknowledged is acknowledge, and waits.
func (s *settler) acknowledged(it *item) bool {
	done := make(chan bool, 1)
	s.acknowledge(it, func(_ *item, confirmed bool) { done <- confirmed })
	return <-done
}

// ackBody is the message that acknowledges an event, nak the one that gives it back
// at once (ADR-13).
const (
	ackBody = "+ACK"
	nak     = "-NAK"
)

// ack acknowledges once, and asks for a confirmation at the reply subject. It
// may be repeated, also after the event was delivered again: the latest delivery
// is used. Of an event whose stream may be no more nothing is said.
func (s *settler) ack(it *item, reply string) error {
	if it.doubtful() {
		return errDoubtful
	}
	return s.parking.js.Conn().PublishRequest(it.latest().Reply, reply, []byte(ackBody))
}

// nak gives the event back. It is not confirmed: if it is lost, the event is
// delivered again after the ack wait all the same. An event that the server may
// have handed to somebody else, or whose stream may be no more, is left alone.
func (s *settler) nak(it *item, delay time.Duration) {
	if it.lost(time.Now()) || it.doubtful() {
		return
	}
	msg, err := it.latest(), error(nil)
	if delay > 0 {
		err = msg.NakWithDelay(delay)
	} else {
		err = msg.Nak()
	}
	if err != nil {
		s.log.Warn("event not given back; it returns after the ack wait", "error", err, "sequence", it.Sequence)
	}
}

// insist does a step of settling until it succeeds, and returns its error if grace
// ended first, or if the step finds no room to wait. It says once that a step is in
// trouble.
func (s *settler) insist(grace context.Context, it *item, what string, step func(context.Context, *item) error) error {
	for attempt, pause := 1, settlePause; ; attempt, pause = attempt+1, min(2*pause, settlePauseMost) {
		ctx, cancel := context.WithTimeout(s.link.context(), ackTimeout)
		err := step(ctx, it)
		cancel()
		if err == nil {
			if attempt > 1 {
				s.log.Info("settling caught up", "step", what, "sequence", it.Sequence, "attempts", attempt)
			}
			return nil
		}
		if errors.Is(err, errNoRoom) {
			return err
		}
		if attempt == 1 {
			s.log.Warn("settling is in trouble, trying on", "step", what, "sequence", it.Sequence, "subject", it.Subject, "error", err)
		}
		select {
		case <-grace.Done():
			s.log.Warn("event not settled, it will be delivered again", "step", what, "sequence", it.Sequence, "error", err)
			return err
		case <-time.After(pause):
		}
	}
}
