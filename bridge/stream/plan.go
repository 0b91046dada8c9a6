package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Kind is what a Change is about.
type Kind uint8

// The kinds. The zero Kind is invalid.
const (
	KindStream Kind = iota + 1
	KindConsumer
	// KindBucket is the bucket that replicas share, which package gate plans.
	KindBucket
)

// String returns the kind's name.
func (k Kind) String() string { return [...]string{"", "stream", "consumer", "bucket"}[k] }

// Action is what has to be done about a stream or a consumer.
type Action uint8

// The actions. The zero Action is invalid.
const (
	// ActionNone: it is as it should be, or may stay as it is.
	ActionNone Action = iota + 1
	// ActionCreate: it does not exist.
	ActionCreate
	// ActionUpdate: it exists and differs.
	ActionUpdate
	// ActionBlocked: somebody has to change something first; Change.Err says
	// who and what.
	ActionBlocked
)

// String returns the action's name.
func (a Action) String() string { return [...]string{"", "none", "create", "update", "blocked"}[a] }

// Change is what a stream or a consumer lacks to be as the bridge needs it.
type Change struct {
	Kind   Kind
	Name   string
	Action Action
	// Differences are what is created or changed, in words. With ActionNone
	// they are differences that are left alone.
	Differences []string
	// Vital says that without the change events would be lost, misdelivered or
	// not taken at all.
	Vital bool
	// Err is set with ActionBlocked only.
	Err error
	// Optional says that events are delivered whether it is as it should be or
	// not: nothing but the stream of receipts is.
	Optional bool
	// Dangers are settings of what exists, which provisioning leaves alone,
	// that can lose or withhold events.
	Dangers []string
	// MaxAge is how long a stream keeps its messages, or will once it is
	// created; zero is for ever. A consumer has none.
	MaxAge time.Duration
}

func (c *Change) block(err error) { c.Action, c.Err = ActionBlocked, err }

// Plan says what there is to do about the streams and the consumers of the
// routes, in this order, and changes nothing. Where Settings.Provision is not
// set, what would be vital to change is blocked.
//
// Streams and Consumer decide in the same way. They can still be refused by
// the server for what Plan does not foresee, such as limits of the account.
//
// The error says what could not be looked up; the changes are those that were.
func (p *Provisioner) Plan(ctx context.Context, routes []*bridge.Route) ([]Change, error) {
	var changes []Change
	for _, want := range p.settings.streams() {
		plan, err := p.planStream(ctx, want)
		if err != nil && plan.Optional {
			plan.block(err)
		} else if err != nil {
			return changes, err
		}
		if plan.Action == ActionCreate || plan.Action == ActionUpdate {
			if err := p.held(ctx, want.Name, plan.missing); err != nil {
				plan.block(err)
			}
		}
		changes = append(changes, plan.Change)
	}
	plans, errs := make([]consumerPlan, len(routes)), make([]error, len(routes))
	var all sync.WaitGroup
	for i, r := range routes {
		all.Go(func() { plans[i], errs[i] = p.planConsumer(ctx, r) })
	}
	all.Wait()
	for i, plan := range plans {
		if errs[i] == nil {
			changes = append(changes, plan.Change)
		}
	}
	return changes, firstOf(errs)
}

// firstOf is the first error, and how many there are: questions to one server
// usually fail alike.
func firstOf(errs []error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w; %d more could not be looked up either", errs[0], len(errs)-1)
}
