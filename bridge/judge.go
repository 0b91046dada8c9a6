package bridge

import (
	"context"
	"slices"
	"time"
)

// judge turns an answer into the message's verdict. It reports false where the
// message goes back to the gate: the answer was the destination's doing, or a
// probe's, and counts against no event.
func (p *Pipeline) judge(ctx context.Context, d *Destination, m *Message, pass Pass, a Answer, v *Verdict) bool {
	switch a.Class {
	case ClassDelivered:
		v.Outcome, v.Error = Delivered, ""
		return true
	case ClassRejected:
		v.Outcome, v.Reason = DeadLettered, Rejected
		return true
	case ClassBackpressure, ClassMisconfigured:
		return false
	case ClassInterrupted:
		if ctx.Err() == nil && !m.lost() {
			return false
		}
		stopped(ctx, v)
		return true
	case ClassFailed:
		if pass.Probe {
			return p.givenUpAsProbe(m, v)
		}
		p.judgeFailure(d, m, v)
		return true
	}
	panic("bridge: answer without a class")
}

// givenUpAsProbe gives up an event of a strict route that fails as the probe, though
// its destination is held: no other event can come to release it.
func (p *Pipeline) givenUpAsProbe(m *Message, v *Verdict) bool {
	if p.exhaustible() || p.retry.GiveUpAfter == 0 || p.clock().Sub(m.Published) <= p.retry.GiveUpAfter {
		return false
	}
	v.Outcome, v.Reason, v.Delay = DeadLettered, Expired, 0
	return true
}

// judgeFailure decides whether a failed delivery was the event's last.
func (p *Pipeline) judgeFailure(d *Destination, m *Message, v *Verdict) {
	now, age := time.Now(), p.clock().Sub(m.Published)
	v.Outcome, v.Delay = Retried, p.retry.Delay(m.Delivery)
	if p.gate.Held(d) {
		return
	}
	if p.retry.GiveUpAfter > 0 && age > p.retry.GiveUpAfter {
		v.Outcome, v.Reason, v.Delay = DeadLettered, Expired, 0
		return
	}
	if p.exhaustible() && p.retry.spent(m.Delivery, age) &&
		p.gate.Works(d, latest(p.retry.sincePreviousFailure(m.Delivery, now, now.Add(-age)), m.Since, p.target.now.Load().since)) {
		v.Outcome, v.Reason, v.Delay = DeadLettered, Exhausted, 0
	}
}

// exhaustible reports whether the success of others can show that a failing
// event is itself at fault. In a strict route all others wait for it.
func (p *Pipeline) exhaustible() bool { return p.route.Ordering != OrderingStrict }

// latest is the latest of some times: events that were brought back before their
// delay was over have failed since their schedule says.
func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
