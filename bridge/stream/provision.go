package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// Provisioner brings streams and consumers to what Settings ask for. It
// creates and extends; it never deletes, shrinks or recreates.
type Provisioner struct {
	js       jetstream.JetStream
	settings Settings
}

// NewProvisioner returns a provisioner that works over js.
func NewProvisioner(js jetstream.JetStream, s Settings) *Provisioner {
	return &Provisioner{js, s}
}

// Streams brings the streams of events and of dead letters to what is needed,
// or says everything that is in the way.
func (p *Provisioner) Streams(ctx context.Context) error {
	return errors.Join(
		p.stream(ctx, wantEvents(p.settings)),
		p.stream(ctx, wantLetters(p.settings)),
	)
}

func (p *Provisioner) stream(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := p.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return p.createStream(ctx, want)
	}
	if err != nil {
		return explain(fmt.Errorf("look up stream %s: %w", want.Name, err), "$JS.API.STREAM.INFO."+want.Name)
	}
	have := s.CachedInfo().Config
	if err := irreconcilable(have); err != nil {
		return err
	}
	missing, all := extend(have.Subjects, want.Subjects)
	if len(missing) == 0 {
		return nil
	}
	if !p.settings.Provision {
		return fmt.Errorf("stream %s lacks subjects %s (BRIDGE_PROVISION is false): nats stream edit %s --subjects=%s",
			have.Name, strings.Join(missing, ", "), have.Name, strings.Join(all, ","))
	}
	have.Subjects = all
	if _, err := p.js.UpdateStream(ctx, have); err != nil {
		return p.explainOverlap(ctx, fmt.Errorf("add subjects to stream %s: %w", have.Name, err), have.Name, missing)
	}
	return nil
}

func (p *Provisioner) createStream(ctx context.Context, want jetstream.StreamConfig) error {
	if !p.settings.Provision {
		return fmt.Errorf("stream %s does not exist (BRIDGE_PROVISION is false): create it with subjects %s",
			want.Name, strings.Join(want.Subjects, ", "))
	}
	_, err := p.js.CreateStream(ctx, want)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica was quicker
		return nil
	}
	err = explain(fmt.Errorf("create stream %s: %w", want.Name, err), "$JS.API.STREAM.CREATE."+want.Name)
	return p.explainOverlap(ctx, err, want.Name, want.Subjects)
}

// Consumer brings a route's consumer to what is needed and returns how it is
// configured, or says what is in the way.
func (p *Provisioner) Consumer(ctx context.Context, r *bridge.Route) (jetstream.ConsumerConfig, error) {
	want := wantConsumer(p.settings, r)
	c, err := p.js.Consumer(ctx, p.settings.Stream, r.Name)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return p.createConsumer(ctx, want)
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return want, fmt.Errorf("consumer %s is a push consumer, needs a pull consumer: delete it or rename the route", r.Name)
	}
	if err != nil {
		return want, explain(fmt.Errorf("look up consumer %s: %w", r.Name, err),
			"$JS.API.CONSUMER.INFO."+p.settings.Stream+"."+r.Name)
	}
	have := c.CachedInfo().Config
	merged, changes, err := reconcile(have, want)
	if err != nil {
		return have, err
	}
	if !p.settings.Provision {
		if len(changes.vital) > 0 {
			return have, fmt.Errorf("consumer %s differs (BRIDGE_PROVISION is false): %s", r.Name, strings.Join(changes.vital, "; "))
		}
		return have, nil
	}
	if len(changes.all()) == 0 {
		return have, nil
	}
	c, err = p.js.UpdateConsumer(ctx, p.settings.Stream, merged)
	if err != nil {
		return have, explain(fmt.Errorf("update consumer %s (%s): %w", r.Name, strings.Join(changes.all(), "; "), err),
			"$JS.API.CONSUMER.CREATE."+p.settings.Stream+"."+r.Name)
	}
	return c.CachedInfo().Config, nil
}

func (p *Provisioner) createConsumer(ctx context.Context, want jetstream.ConsumerConfig) (jetstream.ConsumerConfig, error) {
	if !p.settings.Provision {
		return want, fmt.Errorf("consumer %s does not exist (BRIDGE_PROVISION is false): create it with filter subjects %s",
			want.Durable, strings.Join(want.FilterSubjects, ", "))
	}
	// CreateOrUpdate, since another replica may be doing the same.
	c, err := p.js.CreateOrUpdateConsumer(ctx, p.settings.Stream, want)
	if err != nil {
		return want, explain(fmt.Errorf("create consumer %s: %w", want.Durable, err),
			"$JS.API.CONSUMER.CREATE."+p.settings.Stream+"."+want.Durable)
	}
	return c.CachedInfo().Config, nil
}

// errNoAnswer is what a request to the JetStream API comes to that nobody
// answers; a missing permission looks just like that.
var errNoAnswer = errors.New("no answer from JetStream: is it enabled for this account, and may this user publish to")

// explain adds to an API error what an operator can do about it.
func explain(err error, subject string) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w (%w %s?)", err, errNoAnswer, subject)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: start nats-server with -js, or enable JetStream for the account", err)
	}
	return err
}

// explainOverlap names the stream that holds a subject which ours needs.
func (p *Provisioner) explainOverlap(ctx context.Context, err error, name string, needed []string) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != 10065 { // JSStreamSubjectOverlapErr
		return err
	}
	for _, subject := range needed {
		names := p.js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
		for other := range names.Name() {
			if other != name {
				return fmt.Errorf("%w: stream %s holds subjects of %s; remove them from %s or set BRIDGE_STREAM=%s",
					err, other, subject, other, other)
			}
		}
	}
	return fmt.Errorf("%w: one of %s belongs to another stream", err, strings.Join(needed, ", "))
}
