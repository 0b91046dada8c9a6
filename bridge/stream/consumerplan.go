package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
)

// consumerPlan is a Change with what carries it out.
type consumerPlan struct {
	Change
	// config is how the consumer is, or is to be created or updated to.
	config jetstream.ConsumerConfig
}

func (p *Provisioner) planConsumer(ctx context.Context, r *bridge.Route) (consumerPlan, error) {
	want := wantConsumer(p.settings, r)
	plan := consumerPlan{Change: Change{Kind: KindConsumer, Name: r.Name}, config: want}
	c, err := p.js.Consumer(ctx, p.settings.Stream, r.Name)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		if err := p.resume(ctx, &plan.config); err != nil {
			return plan, err
		}
		plan.create(p.settings.Provision)
		return plan, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		plan.create(p.settings.Provision)
		return plan, nil
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		plan.block(fmt.Errorf("consumer %s is a push consumer, needs a pull consumer: delete it or rename the route", r.Name))
		return plan, nil
	case err != nil:
		return plan, explain(fmt.Errorf("look up consumer %s: %w", r.Name, err),
			"$JS.API.CONSUMER.INFO."+p.settings.Stream+"."+r.Name)
	}
	plan.reconcile(c.CachedInfo(), want, mostAsked(r), p.settings.Provision)
	return plan, nil
}

// resume has a consumer that is to be created begin where one of its name had
// got to. Where that cannot be found out, nothing is created: its first event
// would be too old or too young.
func (p *Provisioner) resume(ctx context.Context, c *jetstream.ConsumerConfig) error {
	at, found, err := p.floors.known(ctx, c.Durable)
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		p.log.Debug("where the consumer had got to is noted nowhere", "route", c.Durable, "error", err)
	case err != nil:
		return fmt.Errorf("look up where consumer %s had got to: %w", c.Durable, err)
	case found:
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartSequencePolicy, at.Sequence+1, nil
	}
	return nil
}

func (p *consumerPlan) create(allowed bool) {
	p.Action, p.Vital = ActionCreate, true
	p.Differences = []string{"filter subjects " + strings.Join(p.config.FilterSubjects, ", "), "from " + begins(p.config)}
	if !allowed {
		from := ""
		if p.config.OptStartSeq > 0 {
			from = fmt.Sprintf(", starting at sequence %d, where it had got to", p.config.OptStartSeq)
		}
		p.block(fmt.Errorf("consumer %s does not exist (BRIDGE_PROVISION is false): create it with filter subjects %s%s",
			p.Name, strings.Join(p.config.FilterSubjects, ", "), from))
	}
}

func (p *consumerPlan) reconcile(info *jetstream.ConsumerInfo, want jetstream.ConsumerConfig, most int, allowed bool) {
	have := info.Config
	if app := have.Metadata["app"]; app != "" && app != want.Metadata["app"] {
		p.config = have
		p.block(fmt.Errorf("consumer %s is another program's (its metadata has app %q): give that one another name, or makebridge a stream of its own (BRIDGE_STREAM)", p.Name, app))
		return
	}
	p.Action, p.config = ActionNone, have
	if info.Paused {
		p.Dangers = append(p.Dangers, fmt.Sprintf("is paused for %s: nothing is delivered until then", info.PauseRemaining.Round(time.Second)))
	}
	merged, c, err := reconcile(have, want, most)
	if err != nil {
		p.block(err)
		return
	}
	p.Differences, p.Vital = c.all(), len(c.vital) > 0
	switch {
	case len(p.Differences) == 0:
	case allowed:
		p.Action, p.config = ActionUpdate, merged
	case p.Vital:
		p.block(fmt.Errorf("consumer %s differs (BRIDGE_PROVISION is false): %s", p.Name, strings.Join(c.vital, "; ")))
	}
}

// begins says where a consumer that is created begins.
func begins(c jetstream.ConsumerConfig) string {
	switch {
	case c.DeliverPolicy == jetstream.DeliverNewPolicy:
		return "new events on"
	case c.OptStartTime != nil:
		return c.OptStartTime.Format(time.RFC3339) + " on"
	case c.OptStartSeq > 0:
		return fmt.Sprintf("sequence %d on, where it had got to", c.OptStartSeq)
	}
	return "the oldest event on"
}
