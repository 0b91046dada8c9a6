package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const (
	// flushTimeout bounds the question whether something was denied.
	flushTimeout = 2 * time.Second
	// mostWaiting is how many requests wait for their answer.
	mostWaiting = 64
)

// errDenied ends the service until the connection is lost and found again: then
// the user's permissions may be others.
var errDenied = errors.New("permission denied")

// Run answers until ctx is done.
func (s *Service) Run(ctx context.Context) {
	connected := s.cfg.Conn.StatusChanged(nats.CONNECTED)
	defer s.cfg.Conn.RemoveStatusListener(connected)
	told := ""
	for ctx.Err() == nil {
		if s.cfg.Conn.IsConnected() {
			if err := s.serve(ctx); err != nil && ctx.Err() == nil && err.Error() != told {
				told = err.Error()
				s.cfg.Logger.Warn("this replica does not show in makebridge status and nats micro; events are delivered all the same", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-connected:
		}
	}
}

// serve subscribes and answers until ctx is done or something is denied.
func (s *Service) serve(ctx context.Context) error {
	requests := make(chan *nats.Msg, mostWaiting)
	var subs []*nats.Subscription
	defer func() {
		for _, sub := range subs {
			if err := sub.Unsubscribe(); err != nil && s.cfg.Conn.IsConnected() {
				s.cfg.Logger.Debug("service not unsubscribed", "error", err)
			}
		}
	}()
	for i, subject := range s.subjects() {
		sub, err := s.cfg.Conn.ChanSubscribe(subject, requests)
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
		subs = append(subs, sub)
		if i > 0 {
			continue // one denial is told, and no more
		}
		if err := s.denied(ctx, "Subscription to", subject); err != nil {
			return fmt.Errorf("%w: may this user subscribe to %s.>?", err, micro.APIPrefix)
		}
	}
	return s.answerAll(ctx, requests)
}

// subjects are those of the service protocol: for each verb all services, this
// kind, and this instance.
func (s *Service) subjects() []string {
	var list []string
	for _, verb := range []micro.Verb{micro.PingVerb, micro.InfoVerb, micro.StatsVerb} {
		prefix := micro.APIPrefix + "." + verb.String()
		list = append(list, prefix, prefix+"."+serviceName, prefix+"."+serviceName+"."+s.cfg.ID)
	}
	return list
}

// answerAll answers requests until ctx is done. Of the first answer it makes
// sure that it may be given: where it may not, the server would tell of each.
func (s *Service) answerAll(ctx context.Context, requests <-chan *nats.Msg) error {
	allowed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-requests:
			if msg.Reply == "" {
				continue
			}
			if err := s.respond(msg); err != nil {
				s.cfg.Logger.Debug("service request not answered", "error", err)
				continue
			}
			if allowed {
				continue
			}
			if err := s.denied(ctx, "Publish to", msg.Reply); err != nil {
				return fmt.Errorf("%w: may this user publish responses (allow_responses)?", err)
			}
			allowed = true
		}
	}
}

func (s *Service) respond(msg *nats.Msg) error {
	body, err := s.answer(msg.Subject)
	if err != nil {
		return err
	}
	return msg.Respond(body)
}

// denied reports whether the server has denied what was just sent: it tells of
// that asynchronously, but before it answers a ping that came later.
func (s *Service) denied(ctx context.Context, what, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := s.cfg.Conn.FlushWithContext(ctx); err != nil {
		return nil // not connected, or slow: nothing was denied yet
	}
	err := s.cfg.Conn.LastError()
	if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), what+` "`+subject+`"`) {
		return errDenied
	}
	return nil
}
