package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// Provisioner brings streams and consumers to what Settings ask for. It
// creates and extends; it never deletes, shrinks or recreates.
type Provisioner struct {
	js       jetstream.JetStream
	settings Settings
	floors   floors
	log      *slog.Logger
}

// NewProvisioner returns a provisioner that works over js.
func NewProvisioner(js jetstream.JetStream, s Settings) *Provisioner {
	return newProvisioner(js, s, slog.New(slog.DiscardHandler))
}

func newProvisioner(js jetstream.JetStream, s Settings, log *slog.Logger) *Provisioner {
	return &Provisioner{js, s, floors{js, s.Stream, s.Bucket}, log}
}

// Streams brings the streams of events and of dead letters to what is needed,
// or says everything that is in the way.
func (p *Provisioner) Streams(ctx context.Context) error {
	return errors.Join(
		p.stream(ctx, wantEvents(p.settings)),
		p.letters(ctx),
	)
}

// letters is Streams for the stream of dead letters alone.
func (p *Provisioner) letters(ctx context.Context) error {
	return p.stream(ctx, wantLetters(p.settings))
}

func (p *Provisioner) stream(ctx context.Context, want jetstream.StreamConfig) error {
	plan, err := p.planStream(ctx, want)
	if err != nil {
		return err
	}
	switch plan.Action {
	case ActionCreate:
		return p.createStream(ctx, plan)
	case ActionUpdate:
		return p.updateStream(ctx, plan)
	case ActionNone, ActionBlocked:
	}
	return plan.Err
}

func (p *Provisioner) createStream(ctx context.Context, plan streamPlan) error {
	_, err := p.js.CreateStream(ctx, plan.config)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica was quicker
		return nil
	}
	err = explain(fmt.Errorf("create stream %s: %w", plan.Name, err), "$JS.API.STREAM.CREATE."+plan.Name)
	return p.explainOverlap(ctx, err, plan)
}

func (p *Provisioner) updateStream(ctx context.Context, plan streamPlan) error {
	_, err := p.js.UpdateStream(ctx, plan.config)
	if err == nil {
		return nil
	}
	err = explain(fmt.Errorf("add subjects to stream %s: %w", plan.Name, err), "$JS.API.STREAM.UPDATE."+plan.Name)
	return p.explainOverlap(ctx, err, plan)
}

// Consumer brings a route's consumer to what is needed and returns how it is
// configured, or says what is in the way. One that somebody has deleted is
// created again from where it had got to, if that is noted in Settings.Bucket:
// no event is skipped, and the latest are delivered again.
func (p *Provisioner) Consumer(ctx context.Context, r *bridge.Route) (jetstream.ConsumerConfig, error) {
	c, err := p.consumer(ctx, r)
	if errors.Is(err, jetstream.ErrConsumerExists) {
		// Another replica was quicker, and has it begin elsewhere.
		return p.consumer(ctx, r)
	}
	return c, err
}

func (p *Provisioner) consumer(ctx context.Context, r *bridge.Route) (jetstream.ConsumerConfig, error) {
	plan, err := p.planConsumer(ctx, r)
	if err != nil {
		return plan.config, err
	}
	var c jetstream.Consumer
	switch plan.Action {
	case ActionNone, ActionBlocked:
		return plan.config, plan.Err
	case ActionCreate:
		// What another replica has just created alike counts as created.
		c, err = p.js.CreateConsumer(ctx, p.settings.Stream, plan.config)
		err = wrap("create consumer "+r.Name, err)
	case ActionUpdate:
		c, err = p.js.UpdateConsumer(ctx, p.settings.Stream, plan.config)
		err = wrap(fmt.Sprintf("update consumer %s (%s)", r.Name, strings.Join(plan.Differences, "; ")), err)
	}
	if err != nil {
		return plan.config, explain(err, "$JS.API.CONSUMER.CREATE."+p.settings.Stream+"."+r.Name)
	}
	if plan.Action == ActionCreate && plan.config.OptStartSeq > 0 {
		p.log.Warn("consumer was deleted, created again from where it had got to; its latest events are delivered again",
			"route", r.Name, "sequence", plan.config.OptStartSeq, "bucket", p.settings.Bucket, "key", floorKey(r.Name))
	}
	return c.CachedInfo().Config, nil
}

func wrap(attempt string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// errNoAnswer is what a request to the JetStream API comes to that nobody
// answers; a missing permission looks just like that.
var errNoAnswer = errors.New("no answer from JetStream: is it enabled for this account, and may this user publish to")

// explain adds to an API error what an operator can do about it.
func explain(err error, subject string) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w (%w %s?)", err, errNoAnswer, subject)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: start nats-server with -js, enable JetStream for the account, or mend NATS_JS_DOMAIN", err)
	}
	return err
}

// explainOverlap names the stream that holds a subject which ours needs.
func (p *Provisioner) explainOverlap(ctx context.Context, err error, plan streamPlan) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != 10065 { // JSStreamSubjectOverlapErr
		return err
	}
	if held := p.held(ctx, plan.Name, plan.missing); held != nil {
		return fmt.Errorf("%w: %w", err, held)
	}
	return fmt.Errorf("%w: one of %s belongs to another stream", err, strings.Join(plan.missing, ", "))
}
