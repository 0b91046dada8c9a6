package subjects

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/schemas"
)

const (
	minRetryWait = 100 * time.Millisecond
	maxRetryWait = 5 * time.Second
)

// lane is a queue of events that must be stored in the order in which they were
// accepted, those of one ordering key. Each lane is served by a goroutine of
// its own for as long as it has events, so that one that waits delays no other.
type lane struct {
	queue  []*accepted
	cancel context.CancelFunc
}

// accepted is an event that waits to be published.
type accepted struct {
	msg   *nats.Msg
	event *schemas.Event
	until time.Time
}

// PublishAsync takes a payload to be published soon and returns at once,
// whatever the state of NATS. Events of one ordering key are stored in the
// order in which they were taken, others in any; a service that needs more
// order uses Publish.
//
// An event that was taken is tried until JetStream has acknowledged it, for
// PublisherConfig.RetryFor at the most, each time under the same id; one that
// could not be published goes to PublisherConfig.OnError, and the Publisher
// forgets it. What is in the buffer is lost if the process dies.
//
// The error is a *schemas.InvalidError, ErrBufferFull, ErrClosed,
// ErrNotInCatalogue or ErrNoOnError, and then the event was not taken. Of ctx
// only the values are used, for the trace.
func (p *Publisher) PublishAsync(ctx context.Context, payload schemas.Payload) error {
	subject, e, err := event(payload)
	if err != nil {
		return err
	}
	return p.PublishEventAsync(ctx, subject, e)
}

// PublishEventAsync takes an event for a subject as PublishAsync does. The
// event must not be changed afterwards.
func (p *Publisher) PublishEventAsync(ctx context.Context, subject string, e *schemas.Event) error {
	if p.cfg.OnError == nil {
		return ErrNoOnError
	}
	msg, err := p.message(ctx, subject, e)
	if err != nil {
		return err
	}
	if err := p.accept(ctx, &accepted{msg, e, time.Now().Add(p.cfg.RetryFor)}); err != nil {
		return &PublishError{Subject: subject, Event: e, Err: err}
	}
	return nil
}

func (p *Publisher) accept(ctx context.Context, a *accepted) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.accepted >= p.cfg.Buffer:
		return ErrBufferFull
	}
	p.accepted++
	key := laneKey(a)
	l, ok := p.lanes[key]
	if !ok {
		laneCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		l = &lane{cancel: cancel}
		p.lanes[key] = l
		p.running.Go(func() { p.serve(laneCtx, key, l) })
	}
	l.queue = append(l.queue, a)
	return nil
}

// laneKey tells lanes apart: by route and ordering key, outside the catalogue by
// subject.
func laneKey(a *accepted) string {
	if entry, ok := BySubject(a.msg.Subject); ok {
		if key, ok := a.event.Text(entry.Key...); ok {
			return entry.Route + " " + key
		}
	}
	return a.msg.Subject
}

func (p *Publisher) serve(ctx context.Context, key string, l *lane) {
	for a := p.next(key, l); a != nil; a = p.next(key, l) {
		if err := p.persist(ctx, a); err != nil {
			p.report(&PublishError{Subject: a.msg.Subject, Event: a.event, Err: err})
		}
		p.mu.Lock()
		p.accepted--
		p.mu.Unlock()
	}
}

// next takes the lane's first event, or ends the lane if there is none: in one
// step, so that no event is left in a lane that nobody serves.
func (p *Publisher) next(key string, l *lane) *accepted {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.queue) == 0 {
		delete(p.lanes, key)
		l.cancel()
		return nil
	}
	a := l.queue[0]
	l.queue = l.queue[1:]
	return a
}

// persist tries until the event is stored, cannot be, or its time is over.
func (p *Publisher) persist(ctx context.Context, a *accepted) error {
	limited, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	var last error
	for wait := minRetryWait; ; wait = min(2*wait, maxRetryWait) {
		// nats.go's own retries would only blur why the last try failed.
		_, err := p.try(limited, a.msg, jetstream.WithRetryAttempts(0))
		if err == nil || permanent(err) {
			return err
		}
		if last != nil && limited.Err() != nil {
			// This try was cut short, and so knows less than the one before.
			err = fmt.Errorf("%w (before: %w)", err, last)
		}
		last = err
		select {
		case <-time.After(wait):
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w", ErrClosed, err)
			}
			return err
		}
	}
}

func (p *Publisher) report(err *PublishError) {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	p.cfg.OnError(err)
}

// Close takes no more events and waits until those that were taken are stored
// or reported. When ctx ends first, it gives up the rest: each goes to
// PublisherConfig.OnError with ErrClosed, and Close returns an error that counts
// them. The connection stays open.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	left := p.abandon()
	<-done
	return fmt.Errorf("close publisher, events left: %d: %w", left, ctx.Err())
}

func (p *Publisher) abandon() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		l.cancel()
	}
	return p.accepted
}
