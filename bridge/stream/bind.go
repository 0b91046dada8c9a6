package stream

import (
	"context"
	"errors"
	"sync"

	"github.com/makebridge/makebridge/bridge/pull"
)

// bind tries to bind consumers, starts those it could, and returns the rest.
func (s *Supervisor) bind(ctx context.Context, unbound []*consumer, start func(*consumer)) []*consumer {
	if !s.js.Conn().IsConnected() {
		return unbound
	}
	if err := s.ground(ctx, unbound); err != nil {
		for _, c := range unbound {
			s.setUnbound(c.route.Name, err)
		}
		s.trouble(ctx, err)
		return unbound
	}
	s.survey.Do(func() { s.tellDangers(ctx); s.tellWaiting(ctx) })
	errs := make([]error, len(unbound))
	var all sync.WaitGroup
	for i, c := range unbound {
		all.Go(func() { errs[i] = s.bindOne(ctx, c) })
	}
	all.Wait()
	var left []*consumer
	for i, c := range unbound {
		s.setUnbound(c.route.Name, errs[i])
		if errs[i] != nil {
			left = append(left, c)
			continue
		}
		start(c)
	}
	s.trouble(ctx, errors.Join(errs...))
	return left
}

// ground sees to what every route stands on. Where nothing may be created, all that is
// missing is told at once.
func (s *Supervisor) ground(ctx context.Context, routes []*consumer) error {
	var unprepared error
	if s.prepare != nil {
		unprepared = s.prepare(ctx)
	}
	if err := s.provisioner.Streams(ctx); err != nil || unprepared == nil || s.settings.Provision {
		return errors.Join(unprepared, err)
	}
	errs := []error{unprepared}
	for _, c := range routes {
		_, err := s.provisioner.Consumer(ctx, c.route)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Supervisor) bindOne(ctx context.Context, c *consumer) error {
	cfg, err := s.provisioner.Consumer(ctx, c.route)
	if err != nil {
		return err
	}
	inHand, _ := c.hand.size()
	r, err := s.retention(ctx, c.route.Name, inHand)
	if err != nil {
		return err
	}
	c.boundTo(&r)
	// The server goes by the consumer's ack wait, whatever ours is.
	c.ackWait = cfg.AckWait
	c.pull, err = newPuller(s.js.Conn(), pull.APIPrefix(s.js), s.settings.Stream, c.route.Name, mostAsked(c.route), c.log)
	if err != nil {
		return err
	}
	c.log.Info("consuming", "stream", s.settings.Stream, "subjects", cfg.FilterSubjects,
		"destination", c.route.Destination.URL, "concurrency", c.route.Concurrency)
	return nil
}
