package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/makebridge/makebridge/schemas"
)

// share is what this replica adds to a topic at a time. It stays as it is until
// it is known to be in the bucket; its id makes sure that it is added once.
type share struct {
	tally
	id string
}

// mostSteps bounds the changes of a topic at a time; one that so many replicas
// change at once is looked at again later.
const mostSteps = 20

// advance brings a topic as far as it can be brought now: this replica's share
// is added, and the report is published if it is due. Where other replicas
// change the topic meanwhile, it begins again with what they have left.
func (r *Reporter) advance(ctx context.Context, t topic) error {
	r.gather(t)
	for range mostSteps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("bring %s up to date: %w", t.key(), err)
		}
		done, err := r.step(ctx, t)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("bring %s up to date: other replicas keep changing it", t.key())
}

// gather makes what is in memory this replica's share, unless there is one that
// is not known to be in the bucket yet.
func (r *Reporter) gather(t topic) {
	if _, ok := r.shares[t]; ok {
		return
	}
	if all := r.take(t); !all.empty() {
		r.shares[t] = share{all, nuid.Next()}
	}
}

// step makes one change of a topic and reports whether none is left to make.
func (r *Reporter) step(ctx context.Context, t topic) (done bool, err error) {
	have, revision, err := r.read(ctx, t)
	if err != nil {
		return false, err
	}
	mine := r.shares[t]
	if have.has(mine) { // added after all, when NATS did not answer
		delete(r.shares, t)
		return false, nil
	}
	now := r.cfg.Now()
	want := have.with(mine)
	due := want.due(now, r.cfg.Interval)
	r.wait(t, want, due)
	switch {
	case have.Event == nil && !want.idle() && !due.After(now):
		if want, err = want.sending(t); err != nil {
			return false, err
		}
	case !mine.empty(): // before anything that can fail for long
	case have.Event != nil:
		if err := r.publish(ctx, t, have.Event); err != nil {
			return false, err
		}
		want = want.sent()
	default:
		return true, nil
	}
	return false, r.write(ctx, t, want, revision)
}

// wait notes when a topic is to be looked at again though nothing happens.
func (r *Reporter) wait(t topic, c record, due time.Time) {
	if c.idle() {
		delete(r.waiting, t)
		return
	}
	r.waiting[t] = due
}

// read returns the record of a topic and its revision, 0 where there is none.
func (r *Reporter) read(ctx context.Context, t topic) (record, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	e, err := r.bucket.Get(ctx, t.key())
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return record{}, 0, nil
	}
	if err != nil {
		return record{}, 0, fmt.Errorf("read %s: %w", t.key(), err)
	}
	c, err := readRecord(e)
	return c, e.Revision(), err
}

// write stores a record with this replica's share in it, unless another replica
// was quicker: then the next step sees what that one wrote.
func (r *Reporter) write(ctx context.Context, t topic, c record, revision uint64) error {
	value, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write %s: %w", t.key(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	if revision == 0 {
		_, err = r.bucket.Create(ctx, t.key(), value)
	} else {
		_, err = r.bucket.Update(ctx, t.key(), value, revision)
	}
	switch {
	case err == nil:
		delete(r.shares, t)
		return nil
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return nil
	}
	return fmt.Errorf("write %s: %w", t.key(), err)
}

// publish publishes a report, which the stream takes once by its id.
func (r *Reporter) publish(ctx context.Context, t topic, data []byte) error {
	event, err := schemas.Decode(data)
	if err != nil {
		return fmt.Errorf("publish %s: %w", t.key(), err)
	}
	_, err = r.publisher.PublishEvent(ctx, t.subject, event)
	return err
}
