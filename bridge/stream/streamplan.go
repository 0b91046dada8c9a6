package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// streamPlan is a Change with what carries it out.
type streamPlan struct {
	Change
	config  jetstream.StreamConfig // to create with, or to update to
	missing []string               // subjects
}

func (p *Provisioner) planStream(ctx context.Context, want jetstream.StreamConfig) (streamPlan, error) {
	plan := streamPlan{Change: Change{
		Kind: KindStream, Name: want.Name, MaxAge: want.MaxAge, Optional: want.Name == p.settings.Receipts,
	}}
	s, err := p.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		plan.create(want, p.settings.Provision)
		return plan, nil
	}
	if err != nil {
		return plan, explain(fmt.Errorf("look up stream %s: %w", want.Name, err), "$JS.API.STREAM.INFO."+want.Name)
	}
	plan.reconcile(s.CachedInfo().Config, want, p.settings.Provision)
	return plan, nil
}

func (p *streamPlan) create(want jetstream.StreamConfig, allowed bool) {
	p.Action, p.Vital, p.config, p.missing = ActionCreate, true, want, want.Subjects
	p.Differences = []string{"subjects " + strings.Join(want.Subjects, ", ")}
	if want.MaxAge > 0 {
		p.Differences = append(p.Differences, "max age "+want.MaxAge.String())
	}
	p.Differences = append(p.Differences, fmt.Sprintf("replicas %d", want.Replicas))
	if !allowed {
		p.block(fmt.Errorf("stream %s does not exist (BRIDGE_PROVISION is false): create it with subjects %s",
			want.Name, strings.Join(want.Subjects, ", ")))
	}
}

func (p *streamPlan) reconcile(have, want jetstream.StreamConfig, allowed bool) {
	p.Action, p.MaxAge = ActionNone, have.MaxAge
	if !p.Optional {
		p.Dangers = dangers(have, want)
	}
	if err := irreconcilable(have, want); err != nil {
		p.block(err)
		return
	}
	var all []string
	p.missing, all = extend(have.Subjects, want.Subjects)
	if len(p.missing) == 0 {
		return
	}
	p.Action, p.Vital, p.config = ActionUpdate, true, have
	p.config.Subjects = all
	p.Differences = []string{"add subjects " + strings.Join(p.missing, ", ")}
	if !allowed {
		p.block(fmt.Errorf("stream %s lacks subjects %s (BRIDGE_PROVISION is false): nats stream edit %s --subjects=%s",
			have.Name, strings.Join(p.missing, ", "), have.Name, strings.Join(all, ",")))
	}
}

// held looks for another stream that holds subjects which ours needs. A user
// who may not list streams is left to what the server says.
func (p *Provisioner) held(ctx context.Context, name string, needed []string) error {
	for _, subject := range needed {
		names := p.js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
		other := ""
		for n := range names.Name() {
			if n != name {
				other = n
			}
		}
		if names.Err() != nil {
			return nil //nolint:nilerr // nobody has to be able to list streams
		}
		if other != "" {
			return fmt.Errorf("stream %s holds subjects of %s; remove them from %s or set %s",
				other, subject, other, p.remedy(name, other))
		}
	}
	return nil
}

// remedy is the setting that makes do with another stream than ours.
func (p *Provisioner) remedy(stream, other string) string {
	switch stream {
	case p.settings.DLQ:
		return "BRIDGE_DLQ_STREAM=" + other
	case p.settings.Receipts:
		return "BRIDGE_RECEIPTS=off"
	}
	return "BRIDGE_STREAM=" + other
}
